#!/bin/sh
# Writes build_info.c: version, commit, compiler, flags, and the SHA-256 of every source file
# that can change a number, with comments and layout taken out so that they do not count.
set -eu
quote() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
dirty=0
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || dirty=1
echo '#include "harness/base/build_info.h"'
echo "const char build_version[] = \"$(quote "$VERSION")\";"
echo "const char build_commit[] = \"$(quote "$commit")\";"
echo "const int build_dirty = $dirty;"
echo "const char build_compiler[] = \"$(quote "$($CC --version | head -n 1)")\";"
echo "const char build_flags[] = \"$(quote "$FLAGS")\";"
echo "const struct build_source build_sources[] = {"
for f in "$@"; do
    sum=$(sed -z -E 's:/\*([^*]|\*+[^*/])*\*+/: :g; s/[[:space:]]+/ /g' "$f" | sha256sum)
    echo "    {\"$f\", \"${sum%% *}\"},"
done
echo "};"
echo "const unsigned long build_n_sources = sizeof build_sources / sizeof build_sources[0];"
