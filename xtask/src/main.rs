//! `cargo xtask tidy` prints what `cargo test -p xtask` fails on.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => {
            let findings = xtask::tidy::all(&xtask::tidy::root());
            for finding in &findings {
                println!("{finding}");
            }
            if findings.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        _ => {
            eprintln!("cargo run -p xtask -- tidy");
            ExitCode::from(2)
        }
    }
}
