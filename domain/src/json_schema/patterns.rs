//! Regular expressions of a schema: each is compiled once in a check, and what it takes is paid for, also to look at a text.
//!
//! One that this program's dialect does not know constrains nothing. One that is too large is refused: nobody should think
//! that it is looked at.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};

use super::{Budget, Misfit};

/// Bytes of a pattern as it is written, and compiled: `^\w{1,100}$` is half of it.
const LONGEST: usize = 4096;
const LARGEST: usize = 4 << 20;
/// Bytes of what is remembered of a pattern while texts are looked at. Beyond them each step of it is taken anew.
const MOST_KEPT: usize = 256 * 1024;

/// Steps to begin with a pattern, and with a text.
const A_PATTERN: usize = 2000;
const A_TEXT: usize = 3;
/// Bytes that are compiled in a step, and remembered.
const COMPILED: usize = 8;
const REMEMBERED: usize = 4;
/// Places in a pattern that are tried in a step, for each byte of a text.
const TRIED: usize = 8;
/// Steps to read what stands for many characters; where case does not count, each of those is looked up.
const A_CLASS: usize = 100;
const A_FOLDED_CLASS: usize = 20_000;

struct Pattern {
    nfa: NFA,
    dfa: DFA,
    cache: Cache,
}

#[derive(Default)]
pub(super) struct Patterns<'s>(HashMap<&'s str, Option<Pattern>>);

impl<'s> Patterns<'s> {
    /// Whether a text fits; `None` where the pattern constrains nothing.
    pub fn fits(&mut self, pattern: &'s str, text: &str, budget: &mut Budget) -> Result<Option<bool>, Misfit> {
        budget.spend(A_TEXT)?;
        let known = match self.0.entry(pattern) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(compiled(pattern, budget)?),
        };
        known.as_mut().map(|pattern| pattern.fits(text, budget)).transpose()
    }
}

impl Pattern {
    fn fits(&mut self, text: &str, budget: &mut Budget) -> Result<bool, Misfit> {
        budget.spend_bytes(text.len())?;
        let before = self.cache.memory_usage();
        let found = self.dfa.try_search_fwd(&mut self.cache, &Input::new(text).earliest(true));
        budget.spend(self.cache.memory_usage().saturating_sub(before) / REMEMBERED)?;
        match found {
            Ok(end) => Ok(end.is_some()),
            // There is too much to remember, or a border of words stands among letters beyond ASCII.
            Err(_) => self.fits_step_by_step(text, budget),
        }
    }

    fn fits_step_by_step(&self, text: &str, budget: &mut Budget) -> Result<bool, Misfit> {
        budget.spend((text.len() + 1).saturating_mul(1 + self.nfa.states().len() / TRIED))?;
        let Ok(vm) = PikeVM::new_from_nfa(self.nfa.clone()) else { return Err(Misfit::TooMuch) };
        Ok(vm.is_match(&mut vm.create_cache(), text))
    }
}

fn compiled(pattern: &str, budget: &mut Budget) -> Result<Option<Pattern>, Misfit> {
    if pattern.len() > LONGEST {
        return Err(Misfit::TooMuch);
    }
    budget.spend(A_PATTERN + reading(pattern))?;
    let bounds = thompson::Config::new().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None);
    let nfa = match thompson::Compiler::new().configure(bounds).build(pattern) {
        Ok(nfa) => nfa,
        Err(error) if error.size_limit().is_some() => return Err(Misfit::TooMuch),
        Err(_) => return Ok(None),
    };
    budget.spend(nfa.memory_usage() / COMPILED)?;
    let config = DFA::config()
        .cache_capacity(MOST_KEPT)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(0))
        .unicode_word_boundary(true);
    let Ok(dfa) = DFA::builder().configure(config).build_from_nfa(nfa.clone()) else { return Err(Misfit::TooMuch) };
    let cache = dfa.create_cache();
    Ok(Some(Pattern { nfa, dfa, cache }))
}

/// Steps to read a pattern. Classes, and what is done with them, are spelled with these characters or beyond ASCII.
fn reading(pattern: &str) -> usize {
    let large = |byte: &u8| !byte.is_ascii() || matches!(byte, b'\\' | b'[' | b'&' | b'-' | b'~');
    let classes = pattern.bytes().filter(large).count();
    let each = match folds(pattern) && (pattern.contains('\\') || !pattern.is_ascii()) {
        true => A_FOLDED_CLASS,
        false => A_CLASS,
    };
    pattern.len() + classes * each
}

/// Whether case does not count in some part: `(?i)`.
fn folds(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|flags| {
        let end = flags.find([')', ':', '<', '=', '!']).unwrap_or(flags.len());
        flags[..end].contains('i')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pattern: &str, text: &str) -> Result<Option<bool>, Misfit> {
        Patterns::default().fits(pattern, text, &mut Budget::default())
    }

    #[test]
    fn patterns_are_bounded_as_they_are_written_and_as_they_are_compiled() {
        for (honest, fitting) in [
            (r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$", "a@b.cd"),
            (r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", "2024-02-29"),
            (r"^\w{1,100}$", "straße"),
            (r"\bstraße\b", "eine straße"),
            ("(?i)^(true|false|[a-z_]+)$", "True"),
            ("", ""),
            (&format!("^({})$", ["eu-west-1"; 200].join("|")), "eu-west-1"),
        ] {
            assert_eq!(asked(honest, fitting), Ok(Some(true)), "{honest}");
            assert_eq!(asked(&format!("^(?:{honest})$"), "\n"), Ok(Some(false)), "{honest}");
        }
        assert_eq!(asked("(?=a)", ""), Ok(None));
        for large in [&"a".repeat(5000), r"\w{10000}", r"(\w{100}){100}", &"(?i)[!-\u{10ffff}]".repeat(100)] {
            assert_eq!(asked(large, ""), Err(Misfit::TooMuch), "{large}");
        }
    }

    #[test]
    fn a_pattern_is_compiled_once() {
        let (mut patterns, mut budget) = (Patterns::default(), Budget::default());
        for _ in 0..50_000 {
            assert_eq!(patterns.fits(r"^\w{60}$", "a name of something", &mut budget), Ok(Some(false)));
        }
    }

    #[test]
    fn a_text_that_takes_a_pattern_everywhere_at_once_is_refused() {
        // No two places of it look alike.
        let text: String = (0..100_000_u32)
            .map(|at| {
                if at.wrapping_mul(0x9E37_79B9).rotate_left(13).wrapping_mul(0x58CE_E5B9) >> 31 == 0 {
                    'a'
                } else {
                    'b'
                }
            })
            .collect();
        for pattern in ["[ab]*a[ab]{300}[c-z]", "(a?b?){2000}[c-z]"] {
            assert_eq!(asked(pattern, &text), Err(Misfit::TooMuch), "{pattern}");
            assert!(asked(pattern, &text[..100]).is_ok_and(|fits| fits == Some(false)), "{pattern}");
        }
        assert_eq!(asked("^[ab]+$", &text), Ok(Some(true)));
    }
}
