//! A person at a terminal: a pseudo-terminal that is the controlling terminal of one command, for what is only
//! ever asked there.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
};

use rustix::termios::{LocalModes, tcgetattr};

use crate::program::PATIENCE;

/// A command that runs at a terminal, and what it showed there.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    screen: String,
    read: usize,
}

impl Terminal {
    /// Runs a command at a terminal of its own.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn start(command: Command) -> Self {
        let (pty, slave) = pty_process::blocking::open().expect("a pseudo-terminal can be opened");
        let program = command.get_program().to_owned();
        let child = pty_process::blocking::Command::from(command)
            .spawn(slave)
            .unwrap_or_else(|error| panic!("{} does not run: {error}", program.display()));
        let keyboard = File::from(OwnedFd::from(pty));
        let mut display = keyboard
            .try_clone()
            .expect("a terminal can be both read and written");
        let (arrived, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // Once nobody holds the terminal any more, reading it fails with EIO.
            while let Ok(count @ 1..) = display.read(&mut piece) {
                if arrived.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            shown,
            screen: String::new(),
            read: 0,
        }
    }

    /// Waits until this text is shown, after what was waited for before.
    ///
    /// # Panics
    /// Where the command ends, or is silent, without showing it.
    pub fn expect(&mut self, text: &str) {
        loop {
            if let Some(place) = self.screen[self.read..].find(text) {
                self.read += place + text.len();
                return;
            }
            assert!(self.look(), "`{text}` was never shown: {}", self.screen);
        }
    }

    /// The rest of the line after what was waited for last.
    ///
    /// # Panics
    /// Where the command ends, or is silent, within the line.
    pub fn rest_of_line(&mut self) -> String {
        loop {
            if let Some(end) = self.screen[self.read..].find('\n') {
                let line = self.screen[self.read..self.read + end].to_owned();
                self.read += end;
                return line;
            }
            assert!(self.look(), "the line was never ended: {}", self.screen);
        }
    }

    /// Types a line.
    ///
    /// # Panics
    /// Where the command has ended.
    pub fn enter(&mut self, line: &str) {
        let typed = format!("{line}\n");
        self.keyboard
            .write_all(typed.as_bytes())
            .expect("somebody reads the terminal");
    }

    /// Waits until a secret is asked for with these words; from then on nothing that is typed may be shown.
    ///
    /// # Panics
    /// Where the command asks before the terminal hides what is typed, or does not ask.
    pub fn expect_secret(&mut self, question: &str) {
        self.expect(question);
        let modes = tcgetattr(&self.keyboard)
            .expect("a terminal has modes")
            .local_modes;
        assert!(
            !modes.contains(LocalModes::ECHO),
            "what is typed would be shown: {}",
            self.screen
        );
    }

    /// Waits for the command to end; returns its exit code and everything that was shown.
    pub fn end(mut self) -> (Option<i32>, String) {
        while self.look() {}
        let code = self.child.wait().expect("a child can be waited for").code();
        (code, std::mem::take(&mut self.screen))
    }

    fn look(&mut self) -> bool {
        match self.shown.recv_timeout(PATIENCE) {
            Ok(piece) => {
                // Terminals end lines with both; what is shown is what matters.
                self.screen += &String::from_utf8_lossy(&piece).replace('\r', "");
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more is shown after: {}", self.screen),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
