//! Syntax errors, which `CoreDNS` refuses too, and wrong imports. `FOLDER` in a message is the folder of the test.

use super::Wrong;

/// Each text is a complete Corefile.
pub(crate) const TEXT: &[Wrong] = &[
    (
        ". {\n  debug\n",
        &[
            "Corefile:1: server block: this \"{\" is never closed; end its block with \"}\" on a line of its own",
        ],
    ),
    (
        ". {\n  debug }\n}\n",
        &[
            "Corefile:2: debug: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
        ],
    ),
    (
        "example.org, {\n  debug\n}\n",
        &[
            "Corefile:1: server block: \"{\" follows the comma; remove the comma, or write another address after it",
        ],
    ),
    (
        "example.org,\n",
        &[
            "Corefile:1: server block: nothing follows the comma; remove the comma, or write another address after it",
        ],
    ),
    (
        "(a) {\n  debug\n}\n(a) {\n}\n. {\n}\n",
        &["Corefile:4: snippet: \"a\" is declared twice; give each snippet a name of its own"],
    ),
    (
        "(a)\n. {\n}\n",
        &["Corefile:2: snippet: \"a\" has no braces; write its directives between { and }"],
    ),
    (
        "(a) {\n  import a\n}\n. {\n  import a\n}\n",
        &[
            "Corefile:2: import: snippet \"a\" imports itself, which would take more than 10000 imports; remove this one",
        ],
    ),
    (
        "(a) {\n  import b\n}\n(b) {\n  import a\n}\n. {\n  import a\n}\n",
        &[
            "Corefile:5: import: more than 10000 imports of snippets; is there one that imports itself through others?",
        ],
    ),
    (
        "(a) {\n  debug\n",
        &["Corefile:1: snippet: the \"{\" of \"a\" is never closed; end it with \"}\""],
    ),
    (
        ". {\n  import\n}\n",
        &["Corefile:2: import: names nothing; write a file, a pattern or a snippet after it"],
    ),
    (
        ". {\n  import \"\"\n}\n",
        &["Corefile:2: import: the name is empty; give a file, a pattern or a snippet"],
    ),
    (
        ". {\n  import missing.conf\n}\n",
        &[
            "Corefile:2: import: file \"missing.conf\" not found; give a path relative to this file's folder, or an absolute one",
        ],
    ),
    (
        ". {\n  import folder\n}\n",
        &[
            "Corefile:2: import: \"FOLDER/folder\" is a folder; import the files in it with \"FOLDER/folder/*\"",
        ],
    ),
    (
        ". {\n  import self.conf\n}\n",
        &[
            "FOLDER/self.conf:1: import: more than 100000 imports of files; is there one that imports itself, or through others?",
        ],
    ),
    (
        ". {\n  import */*.conf\n}\n",
        &[
            "Corefile:2: import: pattern \"FOLDER/*/*.conf\" is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
        ],
    ),
    (
        ". {\n  import [ab].conf\n}\n",
        &[
            "Corefile:2: import: pattern \"FOLDER/[ab].conf\" is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
        ],
    ),
    (
        ". {\n  import a b\n}\n",
        &[
            "Corefile:2: import: more than one name; write one import for each, on a line of its own",
        ],
    ),
    (
        ". {\n  import open.conf\n}\n",
        &["FOLDER/open.conf:1: ebpf: no if; add `if INTERFACE`, the interface to attach to"],
    ),
    (
        ". {\n  import loud.conf\n}\n",
        &["FOLDER/loud.conf:1: debug: takes no argument, not \"loudly\""],
    ),
    (
        ". {\n  log {$LOOP}\n}\n",
        &[
            "Corefile:2: log: variable \"LOOP\" refers to itself; give it a value that does not refer back to it",
        ],
    ),
];
