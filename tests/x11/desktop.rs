//! An X server of its own for one test, with keys, mouse and pictures of the screen.

use std::io::{BufRead, BufReader, IoSlice};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat, InputFocus, MapState, Window};
use x11rb::rust_connection::RustConnection;

const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;
const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION: u8 = 6;

/// The server and a connection to it.
pub struct Desktop {
    server: Child,
    /// Its name, for `DISPLAY`.
    pub name: String,
    connection: RustConnection,
    root: Window,
    test_extension: u8,
}

impl Desktop {
    /// Starts a server with a screen of this size; `None` where there is no Xvfb and none is required.
    pub fn start(width: u16, height: u16) -> Option<Self> {
        let spawned = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", &format!("{width}x{height}x24")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut server = match spawned {
            Ok(server) => server,
            Err(e) if std::env::var_os("REQUIRE_X").is_some() => panic!("Xvfb cannot be started: {e}"),
            Err(e) => {
                eprintln!("skipped: no Xvfb ({e})");
                return None;
            }
        };
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let name = format!(":{}", line.trim());
        let (connection, screen) = x11rb::connect(Some(&name)).unwrap();
        let root = connection.setup().roots[screen].root;
        let extension = connection.query_extension(b"XTEST").unwrap().reply().unwrap();
        assert!(extension.present, "the server has no XTEST");
        Some(Self { server, name, connection, root, test_extension: extension.major_opcode })
    }

    /// The largest window on the screen, once there is one, with the keyboard given to it.
    pub fn window(&self) -> Option<(Window, u16, u16)> {
        let tree = self.connection.query_tree(self.root).ok()?.reply().ok()?;
        let sizes = tree.children.into_iter().filter_map(|w| {
            let attributes = self.connection.get_window_attributes(w).ok()?.reply().ok()?;
            let size = self.connection.get_geometry(w).ok()?.reply().ok()?;
            (attributes.map_state == MapState::VIEWABLE && size.width > 100).then_some((w, size.width, size.height))
        });
        let found = sizes.max_by_key(|s| u32::from(s.1) * u32::from(s.2))?;
        self.connection.set_input_focus(InputFocus::PARENT, found.0, x11rb::CURRENT_TIME).ok()?.check().ok()?;
        Some(found)
    }

    /// Red, green, blue of each pixel of the screen, and its width.
    pub fn picture(&self) -> (Vec<[u8; 3]>, usize) {
        let size = self.connection.get_geometry(self.root).unwrap().reply().unwrap();
        let all = (size.width, size.height);
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, all.0, all.1, !0)
            .unwrap()
            .reply()
            .unwrap();
        (image.data.chunks_exact(4).map(|p| [p[2], p[1], p[0]]).collect(), usize::from(all.0))
    }

    /// Presses a key by its symbol (for letters the Latin-1 code), with modifiers held.
    pub fn key(&self, symbol: u32, held: &[u32]) {
        for &h in held {
            self.input(KEY_PRESS, self.code_of(h), 0, 0);
        }
        let code = self.code_of(symbol);
        self.input(KEY_PRESS, code, 0, 0);
        std::thread::sleep(Duration::from_millis(30));
        self.input(KEY_RELEASE, code, 0, 0);
        for &h in held.iter().rev() {
            self.input(KEY_RELEASE, self.code_of(h), 0, 0);
        }
        std::thread::sleep(Duration::from_millis(120));
    }

    /// Clicks with the left button.
    pub fn click(&self, x: i16, y: i16) {
        self.input(MOTION, 0, x, y);
        std::thread::sleep(Duration::from_millis(60));
        self.input(BUTTON_PRESS, 1, 0, 0);
        std::thread::sleep(Duration::from_millis(60));
        self.input(BUTTON_RELEASE, 1, 0, 0);
        std::thread::sleep(Duration::from_millis(150));
    }

    fn code_of(&self, symbol: u32) -> u8 {
        let setup = self.connection.setup();
        let count = setup.max_keycode - setup.min_keycode + 1;
        let map = self.connection.get_keyboard_mapping(setup.min_keycode, count).unwrap().reply().unwrap();
        let each = usize::from(map.keysyms_per_keycode);
        let place = map.keysyms.chunks(each).position(|symbols| symbols.contains(&symbol));
        setup.min_keycode + place.unwrap_or_else(|| panic!("no key gives {symbol:#x}")) as u8
    }

    /// The request FakeInput of the XTEST extension.
    fn input(&self, kind: u8, detail: u8, x: i16, y: i16) {
        let mut request = [0u8; 36];
        request[..2].copy_from_slice(&[self.test_extension, 2]);
        request[2..4].copy_from_slice(&9u16.to_ne_bytes());
        request[4] = kind;
        request[5] = detail;
        if kind == MOTION {
            request[12..16].copy_from_slice(&self.root.to_ne_bytes());
        }
        request[24..26].copy_from_slice(&x.to_ne_bytes());
        request[26..28].copy_from_slice(&y.to_ne_bytes());
        self.connection.send_request_without_reply(&[IoSlice::new(&request)], Vec::new()).unwrap();
        self.connection.flush().unwrap();
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Waits until something holds.
pub fn wait_for<T>(what: &str, seconds: u64, mut test: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = test() {
            return found;
        }
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
