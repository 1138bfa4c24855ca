//! Everything that a person can do, once: name, shortcut, place in the menu. Menu, keyboard, help sheet and command
//! palette are made from this list.

use super::panes::{MeasureKind, Pane, ViewCommand};
use crate::cli::Side;
use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

/// Something that a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the labels say what each does")]
pub enum Action {
    NewProject,
    OpenProject,
    OpenSample,
    CloseProject,
    Quit,
    Undo,
    Redo,
    Accept,
    Doubt,
    Reject,
    NextPhoto,
    PreviousPhoto,
    ImportControl,
    ExportControl,
    NextPoint,
    PreviousPoint,
    Mark,
    DeleteMark,
    Adjust,
    MakePart,
    Validate,
    PrintAlone,
    Run,
    Pause,
    Cancel,
    Theme,
    ResetLayout,
    Show(Pane),
    View(ViewCommand),
    Palette,
    Help,
    SoftwareWindow,
}

/// Menus in order.
pub const MENUS: [&str; 5] = ["File", "Edit", "Run", "View", "Scene"];

/// One line of the list.
pub struct Entry {
    /// The action.
    pub action: Action,
    /// The menu that has it.
    pub menu: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Its key.
    pub shortcut: Option<KeyboardShortcut>,
}

const fn entry(action: Action, menu: &'static str, label: &'static str, shortcut: Option<KeyboardShortcut>) -> Entry {
    Entry { action, menu, label, shortcut }
}

const fn command(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn plain(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const FULL: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::P);

/// The list.
pub const ENTRIES: &[Entry] = &[
    entry(Action::NewProject, "File", "New project from photos...", command(Key::N)),
    entry(Action::OpenProject, "File", "Open project...", command(Key::O)),
    entry(Action::OpenSample, "File", "Open the sample flight", None),
    entry(Action::ImportControl, "File", "Import control points...", command(Key::I)),
    entry(Action::ExportControl, "File", "Export control points...", None),
    entry(Action::CloseProject, "File", "Close project", command(Key::W)),
    entry(Action::Quit, "File", "Quit", command(Key::Q)),
    entry(Action::Undo, "Edit", "Undo", command(Key::Z)),
    entry(Action::Redo, "Edit", "Redo", Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z))),
    entry(Action::Accept, "Edit", "Accept photos", plain(Key::A)),
    entry(Action::Doubt, "Edit", "Doubt photos", plain(Key::D)),
    entry(Action::Reject, "Edit", "Reject photos", plain(Key::X)),
    entry(Action::NextPhoto, "Edit", "Next photo", plain(Key::ArrowRight)),
    entry(Action::PreviousPhoto, "Edit", "Previous photo", plain(Key::ArrowLeft)),
    entry(Action::NextPoint, "Edit", "Next control point", plain(Key::ArrowDown)),
    entry(Action::PreviousPoint, "Edit", "Previous control point", plain(Key::ArrowUp)),
    entry(Action::Mark, "Edit", "Mark the control point at the cross", plain(Key::M)),
    entry(Action::DeleteMark, "Edit", "Delete the mark", plain(Key::Delete)),
    entry(Action::Adjust, "Run", "Adjust to the control points", None),
    entry(Action::Run, "Run", "Start", command(Key::R)),
    entry(Action::Pause, "Run", "Pause or go on", None),
    entry(Action::Cancel, "Run", "Cancel", None),
    entry(Action::MakePart, "Run", "Make the part of the print order", command(Key::M)),
    entry(Action::Validate, "Run", "Validate the part", None),
    entry(Action::Theme, "View", "Dark or light", None),
    entry(Action::ResetLayout, "View", "Reset the panels", None),
    entry(Action::Show(Pane::Photos), "View", "Show the photos", command(Key::Num1)),
    entry(Action::Show(Pane::Table), "View", "Show the table", command(Key::Num2)),
    entry(Action::Show(Pane::Map), "View", "Show the map", command(Key::Num3)),
    entry(Action::Show(Pane::View), "View", "Show the 3D view", command(Key::Num4)),
    entry(Action::Show(Pane::Details), "View", "Show the selected photo", command(Key::Num5)),
    entry(Action::Show(Pane::Control), "View", "Show the control points", command(Key::K)),
    entry(Action::Show(Pane::Print), "View", "Show the print layout", command(Key::Num0)),
    entry(Action::PrintAlone, "View", "Print layout in the whole window", Some(FULL)),
    entry(Action::Show(Pane::Run), "View", "Show the stages", command(Key::Num6)),
    entry(Action::Show(Pane::Export), "View", "Show export", command(Key::Num7)),
    entry(Action::Show(Pane::Report), "View", "Show the report", command(Key::Num8)),
    entry(Action::Show(Pane::Log), "View", "Show the messages", command(Key::Num9)),
    entry(Action::View(ViewCommand::Fit), "Scene", "Fit everything into the 3D view", plain(Key::F)),
    entry(Action::View(ViewCommand::From(Side::Top)), "Scene", "Look from above", plain(Key::Num7)),
    entry(Action::View(ViewCommand::From(Side::South)), "Scene", "Look from the south", plain(Key::Num1)),
    entry(Action::View(ViewCommand::From(Side::East)), "Scene", "Look from the east", plain(Key::Num3)),
    entry(Action::View(ViewCommand::From(Side::North)), "Scene", "Look from the north", None),
    entry(Action::View(ViewCommand::From(Side::West)), "Scene", "Look from the west", None),
    entry(Action::View(ViewCommand::Parallel), "Scene", "Parallel or perspective", plain(Key::Num5)),
    entry(Action::View(ViewCommand::ThroughPhoto), "Scene", "Look through the selected photo", None),
    entry(Action::View(ViewCommand::Fly), "Scene", "Fly", None),
    entry(Action::View(ViewCommand::Clip), "Scene", "Clipping box", None),
    entry(Action::View(ViewCommand::Measure(MeasureKind::Distance)), "Scene", "Measure a distance", plain(Key::L)),
    entry(Action::View(ViewCommand::Measure(MeasureKind::Height)), "Scene", "Measure a height", None),
    entry(Action::View(ViewCommand::Measure(MeasureKind::Area)), "Scene", "Measure an area", None),
    entry(Action::View(ViewCommand::Measure(MeasureKind::Volume)), "Scene", "Measure a volume", None),
    entry(Action::View(ViewCommand::Measure(MeasureKind::Profile)), "Scene", "Measure a profile", None),
    entry(Action::View(ViewCommand::Picture), "Scene", "Picture of the 3D view...", None),
    entry(Action::View(ViewCommand::Turntable), "Scene", "Turntable...", None),
    entry(Action::SoftwareWindow, "View", "Draw with the processor (opens the window anew)", None),
    entry(Action::Palette, "View", "Command palette...", command(Key::P)),
    entry(Action::Help, "View", "Keyboard shortcuts", plain(Key::F1)),
];

/// The line of an action.
pub fn find(action: Action) -> &'static Entry {
    ENTRIES.iter().find(|e| e.action == action).unwrap_or(&ENTRIES[0])
}

/// Actions whose keys were pressed in this frame. While a text field (or what else the letters go to) has the keyboard
/// only combinations with the command key count.
pub fn pressed(ctx: &Context, letters_taken: bool) -> Vec<Action> {
    let typing = letters_taken || ctx.egui_wants_keyboard_input();
    // Longer combinations first, so that Redo is not taken for Undo.
    let mut with_key: Vec<_> = ENTRIES.iter().filter_map(|e| Some((e.action, e.shortcut?))).collect();
    with_key.sort_by_key(|(_, s)| !s.modifiers.shift);
    ctx.input_mut(|input| {
        with_key
            .into_iter()
            .filter(|(_, s)| !typing || s.modifiers.command)
            .filter(|(_, s)| input.consume_shortcut(s))
            .map(|(action, _)| action)
            .collect()
    })
}

/// The open command palette.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// What was typed.
    pub text: String,
    /// The marked line.
    pub marked: usize,
}

impl Palette {
    /// The lines that fit what was typed: all its words, in any order.
    pub fn matches(&self) -> Vec<&'static Entry> {
        let words: Vec<String> = self.text.split_whitespace().map(str::to_lowercase).collect();
        ENTRIES
            .iter()
            .filter(|e| {
                let label = format!("{} {}", e.menu, e.label).to_lowercase();
                e.action != Action::Palette && words.iter().all(|w| label.contains(w))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_line_and_no_two_share_a_key() {
        for (i, e) in ENTRIES.iter().enumerate() {
            assert!(MENUS.contains(&e.menu), "{}", e.label);
            for other in &ENTRIES[..i] {
                assert_ne!(other.action, e.action);
                assert_ne!(other.label, e.label);
                assert!(e.shortcut.is_none() || e.shortcut != other.shortcut, "{} and {}", e.label, other.label);
            }
        }
    }

    #[test]
    fn the_palette_finds_by_words() {
        let found = |text: &str| {
            let palette = Palette { text: text.into(), marked: 0 };
            palette.matches().iter().map(|e| e.action).collect::<Vec<_>>()
        };
        assert_eq!(found("sample open"), [Action::OpenSample]);
        assert!(found("").len() == ENTRIES.len() - 1);
        assert!(found("nothing like this").is_empty());
    }
}
