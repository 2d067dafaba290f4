//! Samples of layouts, where a folder of them lies beside the corpus: of none that is forged the sender is believed by
//! what the provider found out, and of a true one wherever the set-up is one whose results are read.

use std::fs;

use disclosed::testing::mail::identity::identify;
use disclosed::testing::mail::read::read;
use disclosed::testing::mail::signature::Dkim;

use super::config;
use crate::corpus;

/// Folders, what the config says there, and whether results are read.
const FOLDERS: &[(&str, &str, bool)] = &[
    ("fastmail", "server = \"fastmail\"", true),
    ("google-workspace", "server = \"google-workspace\"", false),
    ("m365", "server = \"microsoft365\"", true),
    ("m365-inside-tenant", "server = \"microsoft365\"", false),
    ("postfix-rspamd", "server = \"rspamd\"\nauthserv_ids = [\"mx.project.test\"]", false),
    ("proton-bridge-above", "server = \"proton-bridge\"", true),
    ("proton-bridge-grouped", "server = \"proton-bridge\"", false),
    ("real-opendk", "server = \"opendkim+opendmarc\"\nauthserv_ids = [\"mx.project.test\"]", false),
    ("real-rspamd", "server = \"rspamd\"\nauthserv_ids = [\"mx.project.test\"]", false),
    ("simplelogin-to-gmail", "server = \"gmail\"", false),
    ("google-group-kept", "server = \"google-workspace\"", false),
    ("google-group-rewritten", "server = \"google-workspace\"", false),
];

#[test]
fn samples_of_layouts() {
    let Some(place) = corpus::found() else { return };
    let place = place.parent().unwrap().join("providers");
    for (folder, identity, is_read) in FOLDERS {
        let server = config("", identity).project().server;
        let Ok(files) = fs::read_dir(place.join(folder)) else { continue };
        for path in files.map(|f| f.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let found = identify(&read(&fs::read(&path).unwrap()), &server, &Dkim::Unasked);
            println!("{folder}/{name}: {} {}", found.believed(), found.reason);
            assert!(!name.starts_with("forged") || !found.believed(), "{folder}/{name}: {}", found.reason);
            let is_true = name.starts_with("true") || name == "report.eml";
            assert!(!is_true || found.believed() == *is_read, "{folder}/{name}: {}", found.reason);
        }
    }
}
