//! From a term and a start to a deadline; from a ladder to dated steps.
