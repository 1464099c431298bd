//! `offsetscope verify`: plays recorded answers and prints the table.

use std::path::PathBuf;

/// How many changed leaves `--selftest` plays.
const SELFTEST_TRIES: usize = 200;

/// `Ok(true)` when nothing differed.
pub fn run(args: &[String]) -> Result<bool, String> {
    let selftest = args.iter().any(|a| a == "--selftest");
    let paths: Vec<PathBuf> = args
        .iter()
        .filter(|a| !a.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    if let Some(unknown) = args
        .iter()
        .find(|a| a.starts_with("--") && *a != "--selftest")
    {
        return Err(format!(
            "verify does not know `{unknown}`; it knows --selftest"
        ));
    }
    if paths.is_empty() {
        return Err(
            "verify needs at least one file or folder of recorded answers, such as tests/oracle"
                .into(),
        );
    }
    let cases = verify::case::load(&paths)?;
    if selftest {
        return Ok(report_selftest(&cases));
    }
    let report = verify::report::Report::of(&cases, verify::kinds());
    print!("{}", report.text());
    Ok(report.total().different == 0)
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
