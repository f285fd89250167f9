//! Names for runs that were given none: `brisk-heron`.

use std::num::Wrapping;

use wire::{Errors, Input, Json};

use crate::policies::is_falsy;

const FIRST: &[&str] = &[
    "agile", "airy", "alert", "amber", "ample", "apt", "arctic", "ashen", "astute", "auburn", "azure", "balmy", "beige", "blithe", "bold", "bonny",
    "brave", "breezy", "bright", "brisk", "bronze", "bubbly", "calm", "candid", "careful", "cheery", "chilly", "civil", "clear", "clever", "cobalt",
    "copper", "coral", "cosy", "crafty", "crimson", "crisp", "curious", "dainty", "daring", "dapper", "deft", "dewy", "diligent", "dusky", "eager",
    "early", "earnest", "easy", "ebony", "elder", "electric", "fabled", "fair", "fearless", "festive", "fleet", "floral", "fond", "frank", "fresh",
    "frosty", "gallant", "gentle", "gilded", "glad", "gleaming", "golden", "graceful", "grand", "green", "hale", "handy", "happy", "hardy", "hazel",
    "hearty", "honest", "humble", "icy", "indigo", "ivory", "jaunty", "jolly", "jovial", "keen", "kind", "lavender", "leafy", "light", "lilac", "limber",
    "lively", "loyal", "lucid", "lucky", "lunar", "lush", "magenta", "maroon", "mellow", "merry", "mighty", "mild", "mindful", "misty", "modest", "mossy",
    "nimble", "noble", "novel", "ochre", "olive", "opal", "orderly", "patient", "peachy", "pearly", "plucky", "polar", "polite", "prime", "proud",
    "prudent", "quick", "quiet", "radiant", "rapid", "ready", "regal", "robust", "rosy", "ruby", "rugged", "russet", "rustic", "sable", "sage", "sandy",
    "scarlet", "serene", "sharp", "silent", "silken", "silver", "sincere", "sleek", "smooth", "snowy", "solar", "solid", "spry", "stark", "steady",
    "stellar", "sturdy", "subtle", "sunny", "supple", "sure", "swift", "tawny", "teal", "tender", "tidal", "tidy", "topaz", "tranquil", "trusty", "umber",
    "upbeat", "valiant", "velvet", "verdant", "vernal", "vibrant", "violet", "vivid", "warm", "wary", "wise", "witty", "woven", "zesty",
];

const SECOND: &[&str] = &[
    "adder", "albatross", "alpaca", "anchovy", "antelope", "auk", "badger", "barbet", "bass", "bat", "beaver", "bee", "bison", "bittern", "boar",
    "bobcat", "bunting", "bustard", "buzzard", "caracal", "carp", "cat", "catfish", "chamois", "cicada", "civet", "cod", "condor", "coot", "cormorant",
    "coyote", "crab", "crane", "cricket", "crow", "cuckoo", "curlew", "deer", "dingo", "dipper", "dolphin", "donkey", "dove", "dragonfly", "duck",
    "dunlin", "eagle", "eel", "egret", "eider", "eland", "elk", "ermine", "falcon", "ferret", "finch", "firefly", "flounder", "fox", "frog", "fulmar",
    "gannet", "gazelle", "gecko", "genet", "gibbon", "goat", "godwit", "goose", "grebe", "grouse", "gull", "gurnard", "haddock", "hare", "harrier",
    "hawk", "hedgehog", "heron", "hobby", "hoopoe", "hornet", "horse", "hyrax", "ibex", "ibis", "impala", "jackal", "jaguar", "jay", "kestrel", "kite",
    "kiwi", "koala", "kudu", "ladybird", "lapwing", "lark", "lemur", "leopard", "linnet", "lion", "lizard", "llama", "lobster", "loon", "lynx",
    "macaw", "mackerel", "magpie", "mallard", "manatee", "mantis", "marlin", "marmot", "marten", "merlin", "mink", "minnow", "mole", "mongoose",
    "moose", "moth", "mouse", "mule", "mullet", "newt", "nighthawk", "nuthatch", "ocelot", "octopus", "okapi", "oriole", "oryx", "osprey", "otter",
    "owl", "ox", "oyster", "panda", "panther", "partridge", "pelican", "penguin", "perch", "petrel", "pheasant", "pigeon", "pike", "pintail", "pipit",
    "plover", "pony", "porpoise", "puffin", "puma", "quail", "rabbit", "raccoon", "rail", "raven", "redstart", "robin", "rook", "ruff", "salmon",
    "sandpiper", "sardine", "seal", "serval", "shad", "shark", "shearwater", "shrew", "shrike", "siskin", "skate", "skink", "skua", "snail", "snipe",
    "sole", "sparrow", "spoonbill", "squid", "squirrel", "starling", "stilt", "stoat", "stork", "sturgeon", "swallow", "swan", "swift", "tapir", "teal",
    "tern", "thrush", "tiger", "toad", "tortoise", "toucan", "trout", "tuna", "turbot", "turnstone", "turtle", "viper", "vole", "wagtail", "walrus",
    "warbler", "wasp", "waxwing", "weasel", "whale", "wheatear", "whimbrel", "wigeon", "wolf", "wombat", "woodcock", "wren", "yak", "zebra",
];

/// Two words picked by `seed`. Not unique: names of runs need not be.
pub fn slug(seed: u64) -> String {
    // Fibonacci hashing: neighbouring seeds give unlike names.
    let mixed = (Wrapping(seed) * Wrapping(0x9E37_79B9_7F4A_7C15)).0;
    let pick = |words: &[&'static str], from: u64| words[from as usize % words.len()];
    format!("{}-{}", pick(FIRST, mixed >> 40), pick(SECOND, mixed >> 16 & 0xFF_FFFF))
}

/// The name of a run as it is sent: whatever is nothing (null, empty) asks for a made-up one.
pub(crate) fn name_or_none(value: &Json<'_>, errors: &mut Errors) -> Option<Option<String>> {
    if is_falsy(value) {
        return Some(None);
    }
    String::parse(value, errors).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_two_words_and_vary() {
        let names: std::collections::HashSet<String> = (0..1000).map(slug).collect();
        assert!(names.len() > 900, "{}", names.len());
        assert!(names.iter().all(|name| name.split('-').count() == 2));
    }
}
