//! One binary under several names, as the name it is called by: wasm-bindgen, wasm-bindgen-test-runner, wasm-pack.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let name = args.first().and_then(|a| Path::new(a).file_stem()).map(|s| s.to_string_lossy().into_owned());
    let result = match name.as_deref() {
        Some("wasm-bindgen") => wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).map_err(|e| format!("{e:?}")),
        Some("wasm-bindgen-test-runner") => {
            wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(args).map_err(|e| format!("{e:?}"))
        }
        #[cfg(feature = "tests")]
        Some("wasm-pack") => wasm_pack(),
        other => Err(format!("called as {other:?}; link it as wasm-bindgen, wasm-bindgen-test-runner or wasm-pack")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "tests")]
fn wasm_pack() -> Result<(), String> {
    use clap::Parser;
    env_logger::init();
    let cli = wasm_pack::Cli::parse();
    wasm_pack::command::run_wasm_pack(cli.cmd).map_err(|e| format!("{e:?}"))
}
