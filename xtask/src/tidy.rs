//! What the tree promises, read from its files.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom: a crate and the workspace crates that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("log", &["protocol"]),
    ("raft", &["protocol", "log"]),
    ("metadata", &["protocol", "log", "raft"]),
    ("coordinator", &["protocol"]),
    ("clients", &["protocol"]),
    (
        "broker",
        &["protocol", "log", "raft", "metadata", "coordinator"],
    ),
    (
        "sim",
        &[
            "protocol",
            "log",
            "raft",
            "metadata",
            "coordinator",
            "broker",
            "clients",
        ],
    ),
    ("wasm", &["protocol", "sim"]),
    (
        "verify",
        &[
            "protocol",
            "log",
            "raft",
            "metadata",
            "coordinator",
            "broker",
            "clients",
            "sim",
        ],
    ),
    ("cli", &["protocol", "log", "sim", "verify"]),
];

/// Third-party crates that the core may use: none brings a clock, chance, threads or I/O.
const PURE_DEPENDENCIES: &[&str] = &[
    "bytes",
    "crc",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "flate2",
    "lz4_flex",
    "snap",
    "ruzstd",
    "ts-rs",
    "xxhash-rust",
];

/// Crates that must be pure.
const PURE: &[&str] = &[
    "protocol",
    "log",
    "raft",
    "metadata",
    "coordinator",
    "clients",
    "broker",
    "sim",
];

/// Text that has no place in a pure crate, and why.
const IMPURE: &[(&str, &str)] = &[
    ("std::time", "time is handed in"),
    ("SystemTime", "time is handed in"),
    ("std::thread", "nothing here blocks or runs beside"),
    ("std::fs", "storage is a trait"),
    ("std::net", "the network belongs to sim"),
    ("std::env", "a world depends on nothing outside"),
    (
        "std::collections::HashMap",
        "its order differs from run to run",
    ),
    (
        "std::collections::HashSet",
        "its order differs from run to run",
    ),
    ("collections::hash_map", "its order differs from run to run"),
    ("rand::", "chance is handed in"),
    ("println!", "the core does not write"),
    ("async fn", "nodes are step machines"),
];

/// Imports between siblings that must stay strangers: (folder, what it must not name).
const STRANGERS: &[(&str, &str)] = &[
    ("crates/coordinator/src/group", "crate::transaction"),
    ("crates/coordinator/src/transaction", "crate::group"),
];

/// Text that no file may hold: machine paths and hosts that only this or that machine reaches.
const NOWHERE: &[&str] = &["/work/", "registry.npmjs", "/root/.cargo", "/home/"];

/// A file longer than this is not read in one sitting.
const MAX_LINES: usize = 600;

/// One promise that a file breaks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    pub file: PathBuf,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// Every finding in the tree.
pub fn all(root: &Path) -> Vec<Finding> {
    let mut findings = [
        layering(root),
        purity(root),
        strangers(root),
        sizes(root),
        nowhere(root),
    ]
    .concat();
    findings.sort();
    findings
}

/// A `Cargo.toml` that names a crate of another layer, or a stranger in a pure crate.
pub fn layering(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, allowed) in LAYERS {
        let file = root.join("crates").join(name).join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for (line, dependency) in dependencies(&text) {
            let ours = LAYERS.iter().any(|(layer, _)| *layer == dependency);
            let refused = if ours {
                !allowed.contains(&dependency)
            } else {
                PURE.contains(name) && !PURE_DEPENDENCIES.contains(&dependency)
            };
            if refused {
                findings.push(Finding {
                    file: file.clone(),
                    line,
                    what: format!("{name} must not depend on {dependency}"),
                });
            }
        }
        for file in rust_files(&root.join("crates").join(name).join("src")) {
            let lines: Vec<(usize, String)> = numbered(&file).collect();
            for (line, text) in &lines {
                for (other, _) in LAYERS
                    .iter()
                    .filter(|(other, _)| other != name && !allowed.contains(other))
                {
                    // A module of that name in the same file is meant, not the crate.
                    let module = format!("mod {other};");
                    let local = lines.iter().any(|(_, l)| l.trim_end().ends_with(&module));
                    if imports(text, other) && !local {
                        let line = *line;
                        let what = format!("{name} must not import {other}");
                        findings.push(Finding {
                            file: file.clone(),
                            line,
                            what,
                        });
                    }
                }
            }
        }
    }
    findings
}

/// The names in `[dependencies]` (development and build dependencies may be anything).
fn dependencies(toml: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    toml.lines().enumerate().filter_map(move |(i, line)| {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
            return None;
        }
        let name = line
            .split(['=', '.', ' '])
            .next()
            .unwrap_or_default()
            .trim();
        (inside && !name.is_empty() && !name.starts_with('#')).then_some((i + 1, name))
    })
}

/// Whether a line begins a `use` of the crate `other`.
fn imports(line: &str, other: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub ").unwrap_or(line);
    ["use ", "extern crate "].iter().any(|keyword| {
        line.strip_prefix(keyword).is_some_and(|rest| {
            rest.strip_prefix(other)
                .is_some_and(|rest| rest.starts_with("::") || rest.starts_with(';'))
        })
    })
}

/// A clock, chance, a thread, I/O or a hash's order inside the core.
pub fn purity(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        for file in rust_files(&root.join("crates").join(name).join("src")) {
            for (line, text) in
                numbered(&file).filter(|(_, text)| !text.trim_start().starts_with("//"))
            {
                for (word, why) in IMPURE.iter().filter(|(word, _)| text.contains(word)) {
                    findings.push(Finding {
                        file: file.clone(),
                        line,
                        what: format!("`{word}`: {why}"),
                    });
                }
            }
        }
    }
    findings
}

fn strangers(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, word) in STRANGERS {
        for file in rust_files(&root.join(folder)) {
            for (line, _) in numbered(&file).filter(|(_, text)| text.contains(word)) {
                findings.push(Finding {
                    file: file.clone(),
                    line,
                    what: format!("{folder} must not name {word}"),
                });
            }
        }
    }
    findings
}

fn sizes(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in sources(root) {
        let lines = numbered(&file).count();
        if lines > MAX_LINES {
            findings.push(Finding {
                file,
                line: lines,
                what: format!("longer than {MAX_LINES} lines: split it by concept"),
            });
        }
    }
    findings
}

fn nowhere(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = root.join("xtask/src/tidy.rs");
    let files = sources(root).into_iter().chain([
        root.join("README.md"),
        root.join("ARCHITECTURE.md"),
        root.join("CONTRIBUTING.md"),
        root.join("package-lock.json"),
        root.join("package.json"),
    ]);
    for file in files.filter(|file| *file != own) {
        for (line, text) in numbered(&file) {
            for word in NOWHERE.iter().filter(|word| text.contains(**word)) {
                findings.push(Finding {
                    file: file.clone(),
                    line,
                    what: format!("`{word}` means nothing on another machine"),
                });
            }
        }
    }
    findings
}

/// The sources that people write: Rust, TypeScript, scripts, styles; nothing generated.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "web", "scripts", "tests", "tools/src"] {
        walk(&root.join(folder), &mut files);
    }
    let ending = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let text = file.to_string_lossy();
        [".rs", ".ts", ".tsx", ".mjs", ".css"]
            .iter()
            .any(|end| name.ends_with(end))
            && !text.contains("/gen/")
            && !name.contains(".gen.")
            && !text.contains("/pkg/")
    };
    files.retain(ending);
    files
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.retain(|file| file.extension().is_some_and(|e| e == "rs"));
    files
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        if path.is_file() {
            files.push(path.to_owned());
        }
        return;
    };
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    entries.sort();
    for entry in entries {
        let name = entry
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if entry.is_dir()
            && !matches!(
                name.as_str(),
                "target" | "node_modules" | "pkg" | "oracle" | "vectors"
            )
        {
            walk(&entry, files);
        } else if entry.is_file() {
            files.push(entry);
        }
    }
}

fn numbered(file: &Path) -> impl Iterator<Item = (usize, String)> + use<> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.into_iter().enumerate().map(|(i, line)| (i + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_seen_and_a_longer_name_is_not() {
        assert!(imports("use clients::Producer;", "clients"));
        assert!(imports("    pub use log::LogDir;", "log"));
        assert!(!imports("use logging::x;", "log"));
        assert!(!imports("// use log::x;", "log"));
    }

    #[test]
    fn only_real_dependencies_count() {
        let toml = "[package]\nname = \"x\"\n[dependencies]\nlog.workspace = true\nbytes = \"1\"\n[dev-dependencies]\nrand = \"1\"\n";
        assert_eq!(
            dependencies(toml).map(|(_, d)| d).collect::<Vec<_>>(),
            ["log", "bytes"]
        );
    }
}
