#!/bin/sh
# For developers: compiles the cpu engine for 64-bit ARM with every warning an error, runs the tests
# of its kernels under qemu, and checks that the product's inner loop is fused multiply-adds. Needs
# the Debian packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user.
# Usage: tests/neon/run.sh FOLDER FLAGS... (make neon-check)
set -eu
out=$1
shift
cc=aarch64-linux-gnu-gcc
for tool in $cc qemu-aarch64; do
    command -v "$tool" >/dev/null || {
        echo "neon-check: no $tool: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2
        exit 1
    }
done
mkdir -p "$out"
rm -f "$out"/*.o "$out"/lib.a
for f in models/cpu/*.c models/kernels/*.c models/arch.c \
    harness/base/arena.c harness/base/clock.c harness/base/cpu.c harness/base/err.c harness/base/mem.c \
    harness/base/near.c harness/base/note.c harness/base/pool.c harness/base/rng.c harness/base/str.c; do
    case $f in
    models/cpu/simd_*) simd="-ffp-contract=fast -DSIMD_ISA=base" ;;
    *) simd= ;;
    esac
    # shellcheck disable=SC2086
    $cc "$@" $simd -Werror -c -o "$out/$(echo "$f" | tr / _).o" "$f"
done
aarch64-linux-gnu-ar rcs "$out/lib.a" "$out"/*.o
$cc "$@" -Itests/neon -static -o "$out/cpu_kernels" tests/unit/cpu_kernels.c "$out/lib.a" -lm
qemu-aarch64 "$out/cpu_kernels"
aarch64-linux-gnu-objdump -d "$out/models_cpu_simd_gemm.c.o" | grep -q 'fmla.*v[0-9]*\.4s' ||
    { echo "neon-check: no fmla in the product" && exit 1; }
echo "neon-check: passed"
