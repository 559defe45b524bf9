#!/bin/sh
# Help, versions, unknown words, completion, the manual, start-up.
. tests/cli/lib.sh

expect 0 '^bitbench [0-9.]+ \(' "--version" "$bitbench" --version
expect 2 '^Usage: ' "no command shows the usage and fails" "$bitbench"
expect 0 'Commands:' "--help" "$bitbench" --help
"$bitbench" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$tmp/commands"
while read -r c; do
    expect 0 '^Example:' "$c --help has an example" "$bitbench" "$c" --help
    expect 2 "unknown option '--no-such-thing'" "$c refuses an unknown option" "$bitbench" "$c" --no-such-thing
    "$bitbench" "$c" --help | sed -n 's/.* --\([a-z0-9-]*\).*/\1/p' >>"$tmp/options"
done <"$tmp/commands"
expect 0 '' "there are at least 15 commands" test "$(wc -l <"$tmp/commands")" -ge 15
expect 2 "unknown command 'fewshots'; did you mean 'fewshot'" "near match of a command" "$bitbench" fewshots
expect 2 "unknown option '--shot'; did you mean '--shots'" "near match of an option" "$bitbench" fewshot --shot 1
expect 2 "needs a value" "an option without its value" "$bitbench" fewshot --shots
expect 2 "not a whole number" "a value that is no number" "$bitbench" fewshot --draws five
expect 2 "takes no value" "a flag with a value" "$bitbench" status --list=1 x
expect 2 "too few arguments" "too few arguments" "$bitbench" report
expect 2 "too many arguments" "too many arguments" "$bitbench" compare a b c
expect 2 "instruction set" "an unknown instruction set" "$bitbench" --isa mmx doctor
expect 2 "engine" "an unknown engine" "$bitbench" --engine nope bench forward
expect 2 "data folder '$tmp/none' is not there" "a data folder that is not there" "$bitbench" --data "$tmp/none" models
expect 2 "does not apply" "--json where there is no table" "$bitbench" --json datasets ids fashion-mnist 'test[:2]'
expect 0 'OpenBLAS core *ok' "doctor" "$bitbench" doctor
if [ "$(uname -m)" = x86_64 ]; then
    expect 0 'OpenBLAS core *ok *Prescott' "--isa reaches OpenBLAS" env -u OPENBLAS_CORETYPE "$bitbench" --isa base doctor
fi
expect 0 '"name": "folder", "classes": null' "--json where a table has empty cells" "$bitbench" --json datasets

"$bitbench" completion bash >"$tmp/completion" && expect 0 '' "completion is valid bash" bash -n "$tmp/completion"
complete() { # words typed so far, the last one to be completed
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bitbench; echo "${COMPREPLY[*]}"' - "$tmp/completion" bitbench "$@"
}
expect 0 '^fewshot$' "completion of a command" complete fews
expect 0 '^show$' "of a second word" complete datasets sh
expect 0 '^metrics$' "of a second word without brackets" complete results m
expect 0 '^--outcomes$' "of an option" complete pack x --outc
expect 0 '^pred$' "of a value that the option lists" complete pack x --outcomes p
expect 0 '^fashion-mnist$' "of a data set" complete fewshot -d fash
expect 0 '^pixels$' "of a model" complete linear --model pix
expect 0 '^nested$' "of a value that the knob lists" complete fewshot --rule n
expect 0 '^logistic$' "of an adaptation" complete fewshot --adapt l
expect 0 '^bit-code-pytorch$' "of a preset" complete fewshot --preprocess bit-code-p
expect 0 '^cpu cpu-direct$' "of an engine" complete run --engine cpu
expect 0 '^latex$' "of a format" complete report x -f l
expect 0 '^pack$' "of what to get help on" complete help pac
missing=$(while read -r o; do grep -q -e "--$o" "$tmp/completion" || echo "$o"; done <"$tmp/options")
expect 0 '' "completion knows every option of every help${missing:+: not }$missing" test -z "$missing"
missing=$(while read -r o; do grep -q "$(printf '%s' "$o" | sed 's/-/\\\\-/g')" "$B/bitbench.1" || echo "$o"; done <"$tmp/options")
expect 0 '' "the manual knows every option of every help${missing:+: not }$missing" test -z "$missing"
if command -v man >/dev/null 2>&1; then
    MANWIDTH=100 man --warnings -l "$B/bitbench.1" >/dev/null 2>"$tmp/warnings"
    expect 0 '' "the manual has no roff warnings" test ! -s "$tmp/warnings"
else
    pass "the manual has no roff warnings # SKIP man is not installed"
fi

make -s install B="$B" CC="${CC:-gcc}" SAN="${SAN:-}" WERROR="${WERROR:-}" DESTDIR="$tmp/dest" PREFIX=/usr >/dev/null 2>&1
expect 0 '^bitbench ' "make install" "$tmp/dest/usr/bin/bitbench" --version
expect 0 '' "make install brings the manual, completion and suites" \
    test -s "$tmp/dest/usr/share/man/man1/bitbench.1" -a -s "$tmp/dest/usr/share/bash-completion/completions/bitbench" -a -d "$tmp/dest/usr/share/bitbench/suites"
finish
