//! `offsetscope verify`: plays recorded answers and prints the table.

use std::path::PathBuf;
use verify::baseline;
use verify::report::Report;

/// How many changed leaves `--selftest` plays.
const SELFTEST_TRIES: usize = 200;

/// What was asked for.
#[derive(Default)]
struct Options {
    selftest: bool,
    /// Compare the counts with this file instead of demanding that nothing differs.
    baseline: Option<PathBuf>,
    /// Write that file.
    write: bool,
    paths: Vec<PathBuf>,
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut o = Options::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--selftest" => o.selftest = true,
            "--write" => o.write = true,
            "--baseline" => o.baseline = Some(rest.next().ok_or("--baseline names a file")?.into()),
            unknown if unknown.starts_with("--") => {
                return Err(format!(
                    "verify does not know `{unknown}`; it knows --selftest, --baseline FILE, --write"
                ));
            }
            path => o.paths.push(path.into()),
        }
    }
    if o.paths.is_empty() {
        return Err(
            "verify needs at least one file or folder of recorded answers, such as tests/oracle"
                .into(),
        );
    }
    Ok(o)
}

/// `Ok(true)` when nothing differed (with a baseline: when nothing differed from it).
pub fn run(args: &[String]) -> Result<bool, String> {
    let o = options(args)?;
    let cases = verify::case::load(&o.paths)?;
    if o.selftest {
        return Ok(report_selftest(&cases));
    }
    let report = Report::of(&cases, verify::kinds());
    print!("{}", report.text());
    match o.baseline {
        Some(file) => against(&report, &file, o.write),
        None => Ok(report.total().different == 0),
    }
}

fn against(report: &Report, file: &PathBuf, write: bool) -> Result<bool, String> {
    let problem = |e: std::io::Error| format!("{}: {e}", file.display());
    if write {
        std::fs::write(file, baseline::write(report)).map_err(problem)?;
    }
    let known = baseline::read(&std::fs::read_to_string(file).map_err(problem)?)?;
    let stale = baseline::stale(report, &known);
    for line in &stale {
        println!("{line}");
    }
    if !stale.is_empty() {
        println!(
            "The committed counts may only fall: mend what got worse; for what got better run verify again with --write."
        );
    }
    Ok(stale.is_empty())
}

fn report_selftest(cases: &[verify::Case]) -> bool {
    match verify::selftest::selftest(cases, verify::kinds(), SELFTEST_TRIES, 1) {
        Ok(tried) => {
            println!("{tried} changed leaves, each reported");
            true
        }
        Err(unseen) => {
            for u in &unseen {
                println!("not seen: {} step {} {}", u.case, u.step, u.leaf);
            }
            false
        }
    }
}
