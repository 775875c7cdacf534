//! The controlling terminal: the only place where a passphrase is read.
//!
//! Never from stdin, an argument, an environment variable or a file: each of those an agent can fill. A
//! terminal can be faked as well, but not the passphrase that is typed into it.

use std::{
    fs::File,
    io::{self, Write as _},
};

use anyhow::{Context as _, bail};
use identity::Passphrase;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use zeroize::Zeroizing;

use crate::output;

/// Shows what is about to be signed, and asks for the passphrase of the key that signs it. Both on the terminal itself:
/// whoever runs this may have sent what it prints elsewhere. The question says once more what it is for.
pub(crate) fn ask_passphrase(shown: &str, whose: &str, to: &str) -> anyhow::Result<Passphrase> {
    let mut terminal = Hidden::terminal()?;
    terminal.show(shown)?;
    let typed = terminal.prompt(&output::escaped(&format!("Passphrase of {whose}, to {to}: ")))?;
    // Whether it is long enough was decided when the key was made; here only the key can tell.
    Ok(Passphrase::existing(typed))
}

/// Shows something on the terminal itself, wherever output goes.
pub(crate) fn show(text: &str) -> anyhow::Result<()> {
    Hidden::terminal()?.show(text)
}

/// Asks for a new passphrase, twice.
pub(crate) fn new_passphrase(whose: &str) -> anyhow::Result<Passphrase> {
    let mut terminal = Hidden::terminal()?;
    let first = terminal.prompt(&format!("New passphrase for the key of {whose}: "))?;
    let chosen = Passphrase::new(first.clone())?;
    let again = terminal.prompt("The same once more: ")?;
    if *first != *again {
        bail!("the two passphrases differ; nothing was created, run the command again");
    }
    Ok(chosen)
}

/// How wide terminals are at least.
const NARROW: usize = 80;

/// The controlling terminal while it shows nothing of what is typed.
///
/// `rpassword` prints its prompt first and hides what is typed after that, so a quick hand would be seen. Here it is
/// hidden before anybody is asked, and until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn terminal() -> anyhow::Result<Self> {
        let opened = File::options().read(true).write(true).open("/dev/tty");
        let terminal = opened
            .context("there is no terminal to ask for the passphrase; run this yourself, in a terminal")?;
        let hide = || -> io::Result<Termios> {
            let before = tcgetattr(&terminal)?;
            let mut hidden = before.clone();
            hidden.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
            // What was typed before the question was seen, and was no answer to it.
            tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
            Ok(before)
        };
        let before = hide().context("the terminal does not hide what is typed, so nothing was asked")?;
        Ok(Self { terminal, before })
    }

    fn show(&mut self, text: &str) -> anyhow::Result<()> {
        // A terminal that does not say how wide it is, is taken for a narrow one.
        let width = tcgetwinsize(&self.terminal).map_or(0, |size| usize::from(size.ws_col));
        let text = output::wrapped(text, if width == 0 { NARROW } else { width });
        write!(self.terminal, "{text}\n\n")
            .context("the terminal does not show what would be signed, so nothing was")
    }

    fn prompt(&mut self, text: &str) -> anyhow::Result<Zeroizing<String>> {
        let mut ask = || {
            self.terminal.write_all(text.as_bytes())?;
            rpassword::read_password().map(Zeroizing::new)
        };
        ask().context("the passphrase could not be read from the terminal")
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Where even this fails, the terminal is gone, and nobody is left to be told.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
