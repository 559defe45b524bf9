# bitbench: build, test, install. `make help` lists the targets.
# One non-recursive makefile; objects live in build/VARIANT, so compilers and sanitizers do not mix.

# All processors, unless the command line says otherwise.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

CC       ?= gcc
ifeq ($(origin CC),default)
CC       := gcc
endif
SAN      ?=
V        ?=
WERROR   ?=
NATIVE   ?=
PREFIX   ?= /usr/local
DESTDIR  ?=
VERSION  := 0.1.0

comma    := ,
VARIANT  := $(notdir $(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(NATIVE),-native)
B        := build/$(VARIANT)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual \
	-Wcast-align -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wredundant-decls -Wpointer-arith -Wimplicit-fallthrough -Wdouble-promotion -Wconversion \
	-Wno-sign-conversion
# -ffp-contract=off: a*b+c is rounded twice everywhere, so gcc and clang and every inlining agree.
NUMFLAGS := -std=c11 -O3 -ffp-contract=off -fno-common $(if $(NATIVE),-march=native)
CPPFLAGS += -D_GNU_SOURCE -I. -isystem /usr/include/hdf5/serial
CFLAGS   += $(NUMFLAGS) -g -pthread $(WARN) $(if $(WERROR),-Werror)
LDFLAGS  += -pthread
LDLIBS   := -lyaml -ljansson -lcsv -larchive -ljpeg -lspng -lgif -lwebp -lz -lcrypto -lcurl -lhdf5_serial -lopenblas -lm
ifneq ($(SAN),)
CFLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SAN)
endif

# What a bare Debian 12 needs. DEPS builds and runs, TEST_DEPS is for `make check` only.
DEPS      := gcc libc6-dev pkg-config libyaml-dev libjansson-dev libcsv-dev libarchive-dev \
	libjpeg62-turbo-dev libspng-dev libgif-dev libwebp-dev zlib1g-dev libssl-dev libcurl4-openssl-dev ca-certificates libhdf5-dev libopenblas-dev \
	gnuplot-nox dataset-fashion-mnist
TEST_DEPS := libcmocka-dev hdf5-tools zip unzip man-db groff-base python3-h5py

SRC      := $(sort $(wildcard harness/*.c harness/base/*.c models/*.c models/kernels/*.c \
	models/zoo/*.c datasets/*.c datasets/codec/*.c protocols/*.c results/*.c) \
	$(filter-out models/cpu/simd_%.c,$(wildcard models/cpu/*.c)))
# The cpu engine's inner loops, compiled for each instruction set into objects with its name.
# -ffp-contract=fast: a*b+c is one rounding there where the CPU can (models/cpu/simd.h says why that
# leaves no choice to the compiler).
SIMD_SRC    := $(sort $(wildcard models/cpu/simd_*.c))
SIMD_ISA    := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)),avx512 avx2) base
SIMD_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma
SIMD_avx2   := -mavx2 -mfma
SIMD_base   :=
SIMD_FLAGS  := -ffp-contract=fast
SIMD_OBJ    := $(foreach isa,$(SIMD_ISA),$(SIMD_SRC:%.c=$(B)/%.$(isa).o))
OBJ      := $(SRC:%.c=$(B)/%.o) $(SIMD_OBJ) $(B)/build_info.o
LIB_OBJ  := $(filter-out $(B)/harness/main.o,$(OBJ))
# Test programs: one file, one program, TAP on stdout.
TEST_SRC := $(sort $(wildcard tests/unit/*.c tests/property/*.c tests/conformance/*.c tests/parity/*.c))
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)
FUZZ_SRC := $(sort $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
CLI_TEST := $(sort $(filter-out tests/cli/lib.sh,$(wildcard tests/cli/*.sh tests/conformance/*.sh)))

# Sources that can change a number: their hashes make numeric_id (see protocols/numeric.h).
# But what only looks at a data set changes none.
NOT_NUM  := $(foreach m,survey dhash known,datasets/$(m).c datasets/$(m).h)
NUMERIC  := $(sort $(filter-out $(NOT_NUM),$(wildcard models/*.[ch] models/cpu/*.[ch] \
	models/kernels/*.[ch] datasets/*.[ch] datasets/codec/*.[ch] protocols/*.[ch] \
	$(foreach m,blas cpu h5_map half npy numpy_rng pool rng tensor zip,harness/base/$(m).[ch]))))

# Short lines; V=1 shows whole commands.
say = $(if $(V),,@echo '  $(1) $@' &&)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps check-deps demo check mutate parity fuzz bench style analyze install uninstall clean help FORCE

all: $(B)/bitbench build/bitbench $(B)/bitbench.1 ## all: the program, as build/bitbench

build/bitbench: $(B)/bitbench FORCE
	@ln -sfn $(VARIANT)/bitbench $@

$(B)/bitbench: $(B)/harness/main.o $(B)/libbitbench.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/bitbench.1: harness/doc/bitbench.1.in harness/doc/manual.sh $(B)/bitbench
	@sh harness/doc/manual.sh $(B)/bitbench $(VERSION) < $< > $@

$(B)/libbitbench.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR  )ar rcs $@ $^

# Flags are part of the dependencies: a change of them rebuilds.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@printf '%s\n' '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(SIMD_FLAGS) $(VERSION)' | cmp -s - $@ || \
	printf '%s\n' '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(SIMD_FLAGS) $(VERSION)' > $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC  )$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define SIMD_RULE
$(B)/%.$(1).o: %.c $(B)/flags
	@mkdir -p $$(@D)
	$$(call say,CC  )$(CC) $(CPPFLAGS) $(CFLAGS) $(SIMD_FLAGS) $(SIMD_$(1)) -DSIMD_ISA=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach isa,$(SIMD_ISA),$(eval $(call SIMD_RULE,$(isa))))

$(B)/build_info.c: harness/build_info.sh $(NUMERIC) $(B)/flags FORCE
	@CC='$(CC)' FLAGS='$(NUMFLAGS); simd: $(SIMD_FLAGS)' VERSION='$(VERSION)' sh harness/build_info.sh $(NUMERIC) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/build_info.o: $(B)/build_info.c
	$(call say,CC  )$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/tests/%: tests/%.c $(B)/libbitbench.a $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CPPFLAGS) $(CFLAGS) -DBITBENCH_TESTS -MMD -MP -o $@ $< $(B)/libbitbench.a $(LDFLAGS) -lcmocka $(LDLIBS)

# With libFuzzer (clang) a target fuzzes; with any compiler it replays files.
$(FUZZ_BIN): $(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/libbitbench.a $(B)/flags
	@mkdir -p $(@D)
	$(call say,TEST)$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ tests/fuzz/$*.c \
	$(if $(findstring fuzzer,$(SAN)),,tests/fuzz/replay.c) $(B)/libbitbench.a $(LDFLAGS) $(LDLIBS)

-include $(OBJ:.o=.d) $(addsuffix .d,$(TEST_BIN))

deps: ## deps: install the Debian packages that building and running needs
	@sh harness/deps.sh $(DEPS)

check-deps:
	@sh harness/deps.sh $(DEPS) $(TEST_DEPS)

demo: deps ## demo: few-shot and linear-probe report on Fashion-MNIST (about 3 minutes)
	@$(MAKE) --no-print-directory all
	@sh harness/demo.sh build/bitbench

check: check-deps ## check: every test; ends with N passed, N failed, N skipped
	@$(MAKE) --no-print-directory all test-programs
	@B=$(B) SAN='$(SAN)' CC='$(CC)' sh tests/run.sh $(TEST_BIN) $(FUZZ_BIN) $(CLI_TEST)

.PHONY: test-programs
test-programs: $(TEST_BIN) $(FUZZ_BIN) $(B)/tests/http_server

mutate: all ## mutate: plant five faults and show that the tests notice each (minutes)
	@B=$(B) sh tests/mutate.sh

parity: ## parity: SUITE=model|probe DIR=FOLDER: one parity suite over a folder of that form
	@$(MAKE) --no-print-directory $(B)/tests/parity/$(SUITE)
	@B=$(B) sh tests/run.sh --bare $(B)/tests/parity/$(SUITE) '$(DIR)'

fuzz: ## fuzz: T=NAME [SECONDS=60]: fuzz one parser with clang's libFuzzer
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer,address,undefined build/clang-fuzzer-address-undefined/tests/fuzz/$(T)
	@mkdir -p build/corpus/$(T)
	build/clang-fuzzer-address-undefined/tests/fuzz/$(T) -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=2048 build/corpus/$(T) tests/fuzz/corpus/$(T)

.PHONY: gate-simulation
gate-simulation: ## gate-simulation: false alarms and power of `compare`, simulated (about a minute)
	@$(MAKE) --no-print-directory $(B)/tests/gate_simulation
	$(B)/tests/gate_simulation

.PHONY: neon-check
neon-check: ## neon-check: the cpu engine compiled for 64-bit ARM, its kernels tested under qemu
	@sh tests/neon/run.sh build/neon $(CPPFLAGS) $(NUMFLAGS) $(WARN) -pthread

bench: all ## bench: the built-in speed measurements, as TSV
	build/bitbench bench

style: ## style: what clang-format and the column limit say
	@clang-format --dry-run --Werror $(SRC) $(SIMD_SRC) $(wildcard */*.h */*/*.h) $(TEST_SRC) $(FUZZ_SRC)
	@awk 'length > 100 { print FILENAME ":" FNR ": longer than 100 columns"; bad = 1 } END { exit bad }' $(SRC) $(SIMD_SRC) $(wildcard */*.h */*/*.h)

analyze: ## analyze: gcc -fanalyzer at zero warnings
	@for f in $(SRC); do $(CC) $(CPPFLAGS) $(NUMFLAGS) -fanalyzer -Werror -c -o /dev/null $$f || exit 1; done

install: all ## install: program, manual page, completion (PREFIX=, DESTDIR=)
	install -D -m 755 $(B)/bitbench '$(DESTDIR)$(PREFIX)/bin/bitbench'
	install -D -m 644 $(B)/bitbench.1 '$(DESTDIR)$(PREFIX)/share/man/man1/bitbench.1'
	@mkdir -p '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DESTDIR)$(PREFIX)/share/bitbench/suites'
	install -m 644 protocols/suites/*.yaml '$(DESTDIR)$(PREFIX)/share/bitbench/suites/'
	$(B)/bitbench completion bash > '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bitbench'

uninstall: ## uninstall: remove what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/bitbench' '$(DESTDIR)$(PREFIX)/share/man/man1/bitbench.1' \
	'$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bitbench'
	rm -rf '$(DESTDIR)$(PREFIX)/share/bitbench'

clean: ## clean: remove build/
	rm -rf build

help: ## help: this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/^[^#]*## /  make /'
