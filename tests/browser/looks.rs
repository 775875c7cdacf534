//! Looking at a page as different people do: at a desk and on a phone, in light and in dark, with what axe-core knows of
//! people who see, hear or move otherwise (<https://github.com/dequelabs/axe-core>).

use std::{env, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use testkit::{Browser, clients::package};

/// A desk's window and a phone's, in CSS pixels.
const SIZES: [(&str, u32, u32); 2] = [("desk", 1200, 900), ("phone", 390, 844)];

/// Every rule that axe-core has for what a page must be, and how it is best made.
const AUDIT: &str = r#"
const done = arguments[arguments.length - 1];
const told = (one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(" ")}`;
axe.run(document)
  .then((found) => done({ wrong: found.violations.map(told), right: found.passes.map((one) => one.id) }))
  .catch((error) => done({ wrong: [String(error)], right: [] }));
"#;

pub(crate) struct Looks {
    of: &'static str,
    axe: Option<String>,
    /// Where pictures go, for people to look at; nowhere where `AUDITOTTER_PICTURES` says nothing.
    pictures: Option<PathBuf>,
}

impl Looks {
    pub(crate) fn at(of: &'static str) -> Self {
        let axe = package("axe-core/axe.min.js").map(|path| fs::read_to_string(path).unwrap());
        let pictures = env::var_os("AUDITOTTER_PICTURES").map(PathBuf::from);
        Self { of, axe, pictures }
    }

    /// Finds nothing wrong with the page that is open.
    pub(crate) fn look(&mut self, browser: &mut Browser, name: &str) {
        for (size, width, height) in SIZES {
            browser.resize(width, height);
            for scheme in ["dark", "light"] {
                browser.prefers(scheme);
                self.picture(browser, &format!("{name}-{size}-{scheme}"));
                if let Some(axe) = &self.axe {
                    browser.run(axe);
                    let audit = browser.run_async(AUDIT);
                    assert_eq!(audit["wrong"], json!([]), "{name}, {size}, {scheme}");
                    let right = audit["right"].as_array().unwrap();
                    assert!(right.contains(&json!("color-contrast")), "{name}: {right:?}");
                }
            }
            let wide = browser.run("return document.documentElement.scrollWidth > innerWidth");
            assert_eq!(wide, false, "{name} is wider than the window of a {size}");
        }
        let (_, width, height) = SIZES[0];
        browser.resize(width, height);
    }

    fn picture(&self, browser: &mut Browser, name: &str) {
        let Some(folder) = &self.pictures else { return };
        fs::create_dir_all(folder).unwrap();
        let picture = STANDARD.decode(browser.picture()).unwrap();
        fs::write(folder.join(format!("{}-{name}.png", self.of)), picture).unwrap();
    }
}
