-- What was tried and refused, for `status`: few of all notices.
CREATE INDEX outbox_refused ON outbox (id) WHERE state = 'refused' AND attempts > 0;
