//! The picture: a lane for each clock on a line of time. It stands alone: no script, no font, nothing from elsewhere.
//!
//! Two days and ninety do not fit on one line, so that clocks of a like length share a panel, the shortest first.

mod lane;
mod panel;
mod shapes;

use jiff::{SignedDuration, Timestamp};

use self::lane::Lane;
use self::panel::{EVENT, GREY, GRID, INK, LEFT, Panel, RIGHT, seconds};
use self::shapes::{Canvas, Font};
use super::words::headline;
use crate::policy::Policy;
use crate::policy::calendar::shift;
use crate::policy::shown::when;
use crate::project::Project;
use crate::rules::simulate::Play;
use crate::rules::simulate::course::Course;

/// The width of the picture, in pixels.
const WIDTH: f64 = 1200.0;
/// A clock joins a panel as long as no term in it gets narrower than this part of it.
const NARROWEST: f64 = 0.1;

/// Draws a play.
pub(super) fn draw(play: &Play, project: &Project) -> String {
    let policy = &project.policy;
    let mut canvas = Canvas::default();
    canvas.text(20.0, 34.0, Font::bold(18.0, INK), &headline(play, project));
    let only = if play.events.is_empty() { "nobody does anything" } else { "nobody does more than is drawn" };
    let below = format!("What was promised, if {only}. All times in {}.", policy.calendar.zone_name);
    canvas.text(20.0, 56.0, Font::plain(13.0, GREY), &below);
    let mut y = 74.0;
    for panel in panels(play, policy) {
        y = draw_panel(&panel, &mut canvas, y, play, policy) + 18.0;
    }
    if play.courses.is_empty() {
        canvas.text(20.0, y + 20.0, Font::plain(13.0, INK), "No promise runs for this report.");
        y += 36.0;
    }
    y = lane::legend(&mut canvas, y + 6.0);
    let waiting = play.waiting.iter().map(|(promise, from)| format!("{promise} starts when {from} is reached."));
    for note in waiting.chain(play.warnings.iter().cloned()) {
        for (at, line) in shapes::wrapped(&note, 165).iter().enumerate() {
            let mark = if at == 0 { "▸ " } else { "   " };
            canvas.text(20.0, y + 14.0, Font::plain(11.0, INK), &format!("{mark}{line}"));
            y += 16.0;
        }
    }
    canvas.svg(WIDTH, y + 20.0, &headline(play, project))
}

/// Sorts the clocks into panels.
fn panels<'a>(play: &'a Play, policy: &Policy) -> Vec<Panel<'a>> {
    let mut all: Vec<&Course> = play.courses.iter().collect();
    all.sort_by_key(|c| (end(c), c.starts));
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for course in all {
        let fits = panels.last_mut().filter(|p| {
            let whole = seconds(p.from.min(course.starts), p.to.max(end(course)));
            let mut terms = p.courses.iter().chain([&course]).map(|c| seconds(c.starts, c.deadline));
            terms.all(|term| term >= whole * NARROWEST)
        });
        match fits {
            Some(panel) => {
                panel.from = panel.from.min(course.starts);
                panel.to = panel.to.max(end(course));
                panel.courses.push(course);
            }
            None => panels.push(Panel { from: course.starts, to: end(course), courses: vec![course] }),
        }
    }
    for panel in &mut panels {
        panel.courses.sort_by_key(|c| (policy.promises.iter().position(|p| p.name == c.promise), c.starts));
        // A little air, so that the last mark is not on the edge.
        let air = SignedDuration::from_secs((panel.to.duration_since(panel.from).as_secs() / 40).max(1_800));
        panel.to = shift(panel.to, air);
    }
    panels
}

/// Up to when there is something to see of a clock.
fn end(course: &Course) -> Timestamp {
    let heard = course.words.last().map(|w| w.at);
    [Some(course.deadline), course.over, heard].into_iter().flatten().max().unwrap_or(course.deadline)
}

/// Draws a panel from `top` down, and says where it ends.
fn draw_panel(panel: &Panel<'_>, canvas: &mut Canvas, top: f64, play: &Play, policy: &Policy) -> f64 {
    let lanes: Vec<Lane<'_>> = panel.courses.iter().map(|c| Lane::new(c, panel, policy)).collect();
    let date = |at: Timestamp| at.to_zoned(policy.calendar.zone.clone()).strftime("%a %-d %B %Y").to_string();
    let title = format!("{} to {}", date(panel.from), date(panel.to));
    canvas.text(20.0, top + 22.0, Font::bold(13.0, INK), &title);
    let received = (play.at, "received".to_owned());
    let events: Vec<(Timestamp, String)> = std::iter::once(received)
        .chain(play.events.iter().map(|(at, e)| (*at, e.word())))
        .filter(|(at, _)| panel.from <= *at && *at <= panel.to)
        .collect();
    let flags: Vec<(f64, f64)> =
        events.iter().map(|(at, word)| (panel.x(*at), shapes::width(word, Font::bold(11.0, EVENT)) + 10.0)).collect();
    let rows = shapes::rows(&flags);
    let head = top + 34.0 + 15.0 * f64::from(rows.iter().copied().max().map_or(0, |r| r + 1));
    let axis = head + 20.0;
    let bottom = axis + lanes.iter().map(Lane::height).sum::<f64>();

    panel.shade(canvas, axis, bottom, &policy.calendar);
    panel.ticks(canvas, head, bottom, &policy.calendar);
    canvas.line((LEFT, axis), (RIGHT, axis), GREY, 1.0, "");
    for (((at, word), (x, _)), row) in events.iter().zip(&flags).zip(&rows) {
        let y = head - 4.0 - 15.0 * f64::from(*row);
        canvas.begin(&format!("{word}: {}", when(*at, policy)));
        canvas.line((*x, y - 10.0), (*x, bottom), EVENT, 1.5, "6 3");
        canvas.halo(x + 4.0, y, Font::bold(11.0, EVENT), word);
        canvas.end();
    }
    let mut y = axis;
    for lane in &lanes {
        y += lane.draw(canvas, y, panel, policy);
        canvas.line((20.0, y), (RIGHT, y), GRID, 1.0, "");
    }
    bottom
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::rules::simulate::{Scenario, play};

    const CONFIG: &str = r#"
[project]
name = "A <b> & \"c\""
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada </svg> & Co"
address = "ada@example.org"
"#;

    fn picture(config: &str, days: Option<u16>) -> String {
        let project = Config::parse(config, std::path::Path::new("config.toml")).unwrap().project();
        let at = "2027-01-08T17:00:00Z".parse().unwrap();
        draw(&play(&project, &Scenario { at, severity: None, events: Vec::new(), days }), &project)
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let svg = picture(CONFIG, None);
        assert!(svg.contains("A &lt;b&gt; &amp; &quot;c&quot;"), "{svg}");
        assert!(svg.contains("Ada &lt;/svg&gt; &amp; Co"));
        assert_eq!(svg.matches("</svg>").count(), 1);
        for outside in ["href", "url(", "<script", "<style", "@import", "<image", "<foreignObject"] {
            assert!(!svg.contains(outside), "{outside}");
        }
    }

    #[test]
    fn each_clock_has_a_lane_in_a_panel_where_it_can_be_seen() {
        let project = Config::parse(CONFIG, std::path::Path::new("config.toml")).unwrap().project();
        let at = "2027-01-08T17:00:00Z".parse().unwrap();
        let play = play(&project, &Scenario { at, severity: None, events: Vec::new(), days: None });
        let panels = panels(&play, &project.policy);
        let names: Vec<Vec<&str>> =
            panels.iter().map(|p| p.courses.iter().map(|c| c.promise.as_str()).collect()).collect();
        assert_eq!(names, [vec!["acknowledge", "assess"], vec!["disclose"]]);
    }

    #[test]
    fn numbers_are_numbers() {
        for days in [Some(1), Some(400), None] {
            let svg = picture(CONFIG, days);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
