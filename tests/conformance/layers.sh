#!/bin/sh
# The direction of dependencies, read off the #include lines (design.md, section 2). TAP.
set -u
n=0 bad=0
check() { # description, files, pattern of includes that may not stand there
    n=$((n + 1))
    # shellcheck disable=SC2086
    found=$(grep -nE "^#include \"($3)" $2 2>/dev/null)
    if [ -z "$found" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"; echo "$found"; bad=1
    fi
}
sole() { # header, the one module that may include it
    n=$((n + 1))
    found=$(grep -rlE "^#include <$1>" harness models datasets protocols results --include='*.[ch]' | grep -vE "^$2" || true)
    if [ -z "$found" ]; then
        echo "ok $n - only $2 includes <$1>"
    else
        echo "not ok $n - only $2 includes <$1>"; echo "$found"; bad=1
    fi
}
check "base includes base only" "harness/base/*.[ch]" 'harness/[a-z_]+\.h|models/|datasets/|protocols/|results/'
check "models include base and models" "models/*.[ch] models/*/*.[ch]" 'harness/[a-z_]+\.h|datasets/|protocols/|results/'
check "datasets include base and datasets" "datasets/*.[ch] datasets/*/*.[ch]" 'harness/[a-z_]+\.h|models/|protocols/|results/'
check "results include base and results" "results/*.[ch]" 'harness/[a-z_]+\.h|models/|datasets/|protocols/'
check "protocols never include the harness" "protocols/*.[ch]" 'harness/[a-z_]+\.h'
n=$((n + 1))
found=$(grep -nE '^#include "results/' protocols/*.[ch] | grep -vE 'results/(record|signature)\.h')
if [ -z "$found" ]; then echo "ok $n - protocols see records and signatures only"; else echo "not ok $n - protocols see records and signatures only"; echo "$found"; bad=1; fi
n=$((n + 1))
found=$(grep -nE '\b(printf|puts|putchar|fprintf|fputs|exit|abort|_exit)\(' models/*.c models/*/*.c datasets/*.c datasets/*/*.c protocols/*.c results/*.c harness/base/*.c | grep -vE 's(n)?printf|posix_spawn|^harness/base/h5_map\.c:[0-9]+: +_exit\(0\);')
if [ -z "$found" ]; then echo "ok $n - only harness/*.c prints, only main exits"; else echo "not ok $n - only harness/*.c prints, only main exits"; echo "$found"; bad=1; fi
n=$((n + 1))
found=$(grep -nE '\bgetenv\(' models/*.c datasets/*.c protocols/*.c results/*.c harness/*.c | grep -v '^harness/main.c')
if [ -z "$found" ]; then echo "ok $n - getenv in main only"; else echo "not ok $n - getenv in main only"; echo "$found"; bad=1; fi
sole hdf5.h harness/base/h5
sole cblas.h harness/base/blas
sole csv.h harness/base/csv
sole jansson.h harness/base/json
sole yaml.h harness/base/yaml
sole curl/curl.h harness/fetch
exit $bad
