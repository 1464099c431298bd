//! The same world in a terminal. Only this binary reads arguments, files and the terminal.

mod scenario_cmd;
mod verify_cmd;

use std::process::ExitCode;

const USAGE: &str = "\
offsetscope: Kafka's own rules, in a terminal

  offsetscope run FILE [--until TIME] [--events] [--state]
      plays a scenario; TIME is such as 12.4s or marker:NAME; --events prints each event, --state the end, as JSON
  offsetscope check FILE…
      fails when an `expect` line of a scenario does not hold
  offsetscope verify [--selftest] [--baseline FILE [--write]] PATH…
      play recorded answers of Apache Kafka against every crate
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("run") => scenario_cmd::run(&args[1..]),
        Some("check") => scenario_cmd::check(&args[1..]),
        Some("verify") => verify_cmd::run(&args[1..]),
        Some("help" | "--help" | "-h") | None => {
            print!("{USAGE}");
            Ok(true)
        }
        Some(other) => Err(format!("there is no command `{other}`\n\n{USAGE}")),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
