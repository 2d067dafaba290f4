//! The picture.
use crate::project::Project;
use crate::ticket::simulate::Play;

pub(super) fn draw(_play: &Play, _project: &Project) -> String {
    String::new()
}
