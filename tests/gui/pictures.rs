//! Pictures of the window for the README: `cargo test --release --test gui -- --ignored pictures`. The project comes
//! from `VEDUTA_PICTURES_OF` (a finished one shows most); pictures go to `VEDUTA_PICTURES_TO`, by default `assets/`.

use crate::support::Window;
use std::path::PathBuf;
use veduta::app::Theme;

#[test]
#[ignore = "makes pictures for the README from a finished project"]
fn pictures_of_each_screen() {
    let project = PathBuf::from(std::env::var("VEDUTA_PICTURES_OF").expect("VEDUTA_PICTURES_OF names a project"));
    let to = std::env::var("VEDUTA_PICTURES_TO").map_or_else(|_| PathBuf::from("assets"), PathBuf::from);
    let dir = tempfile::tempdir().unwrap();
    for (theme, word) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        for (size, scale, ending) in [([1280.0, 800.0], 1.0, ""), ([1280.0, 720.0], 2.0, "-large")] {
            let mut window = Window::drawn(dir.path(), Some(&project), theme, size, scale);
            window.click_photo("VDT_0004.jpg");
            window.settle_long();
            let save = |window: &mut Window, what: &str| {
                let picture = window.harness.render().expect("drawn");
                picture.save(to.join(format!("window-{what}-{word}{ending}.png"))).unwrap();
            };
            save(&mut window, "map");
            window.click("Photo");
            window.settle_long();
            save(&mut window, "photo");
            window.click("3D");
            window.settle_long();
            save(&mut window, "3d");
            window.click("Export");
            window.settle_long();
            save(&mut window, "export");
        }
        let mut start = Window::drawn(dir.path(), None, theme, [1280.0, 800.0], 1.0);
        start.harness.render().expect("drawn").save(to.join(format!("window-start-{word}.png"))).unwrap();
        start.settle();
    }
}
