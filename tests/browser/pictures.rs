//! Pictures of pages, for people to look at: written where `AUDITOTTER_PICTURES` says, and nowhere otherwise.

use std::{env, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use testkit::Browser;

/// A phone's window and a desk's.
const SIZES: [(&str, u32, u32); 2] = [("desk", 1200, 900), ("phone", 390, 844)];

pub(crate) struct Pictures {
    of: &'static str,
    folder: Option<PathBuf>,
}

impl Pictures {
    pub(crate) fn of(of: &'static str) -> Self {
        let folder = env::var_os("AUDITOTTER_PICTURES").map(PathBuf::from);
        Self { of, folder }
    }

    pub(crate) fn take(&mut self, browser: &mut Browser, name: &str) {
        let Some(folder) = &self.folder else { return };
        fs::create_dir_all(folder).unwrap();
        for (size, width, height) in SIZES {
            browser.resize(width, height);
            let picture = STANDARD.decode(browser.picture()).unwrap();
            fs::write(folder.join(format!("{}-{name}-{size}.png", self.of)), picture).unwrap();
        }
        let (_, width, height) = SIZES[0];
        browser.resize(width, height);
    }
}
