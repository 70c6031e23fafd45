# Saddle's build. `make help` lists the targets; config.mak (not in git) may set any variable below.
-include config.mak

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
export PKG_CONFIG ?= pkg-config

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

# ---- Variants: each kind of build has a directory of its own below $(BUILD) -----------------------
#   make                              $(BUILD)/                     -> ./saddle
#   make DEVELOPER=1                  $(BUILD)/developer/           -> ./saddle
#   make SANITIZE=address,undefined   $(BUILD)/address,undefined/
#   make CC=clang                     $(BUILD)/clang/
CC_NAME := $(filter-out cc gcc,$(notdir $(firstword $(CC))))
VARIANT := $(strip $(CC_NAME) $(if $(DEVELOPER),developer) $(SANITIZE))
O := $(BUILD)$(addprefix /,$(subst $(eval) ,-,$(VARIANT)))

# ---- Kernels: src/*/kernels_*.c is compiled once for each instruction set ----------------------------
ISA_FLAGS := -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off
ifdef SANITIZE
ISA_FLAGS := -fno-math-errno -fno-trapping-math -ffp-contract=off
endif
ISAS := baseline
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
ISAS += avx2 $(if $(SANITIZE),,avx512)
endif
ISA_baseline :=
ISA_avx2 := -mavx2 -mfma -mf16c
ISA_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512
HAVE_FLAGS := $(if $(filter avx2,$(ISAS)),-DKERNELS_HAVE_AVX2) $(if $(filter avx512,$(ISAS)),-DKERNELS_HAVE_AVX512)

# ---- Flags -----------------------------------------------------------------------------------------
MODULES := ncursesw openblas lapacke python3-embed sleef libpng chafa md4c jansson libseccomp libutf8proc
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(MODULES) 2>/dev/null || echo missing)
libs = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)
ENGINE_LIBS := $(call libs,openblas lapacke sleef)
FRONT_LIBS := $(call libs,ncursesw libpng chafa md4c jansson libutf8proc)
PYTHON_LIBS := $(call libs,python3-embed jansson libseccomp)
OPENMP := $(shell $(CC) -fopenmp -include omp.h -fsyntax-only -x c /dev/null 2>/dev/null && echo -fopenmp)

WARNINGS := -Wall -Wextra
ifneq ($(DEVELOPER)$(SANITIZE),)
WARNINGS += -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
            -Wpointer-arith -Wundef -Wformat=2 -Wno-format-nonliteral
endif
WARNINGS += $(if $(OPENMP),,-Wno-unknown-pragmas)
ifdef SANITIZE
CFLAGS ?= -O1 -g
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
CFLAGS ?= -O2 -g
# Shapes and small structs are copied and cleared in every call, sooner than the processor's string
# instructions, which gcc would take, have started.
SHORT_COPIES := -mmemcpy-strategy=libcall:-1:noalign \
                -mmemset-strategy=vector_loop:256:noalign,libcall:-1:noalign
SHORT_COPIES := $(shell $(CC) $(SHORT_COPIES) -fsyntax-only -x c /dev/null 2>/dev/null && echo $(SHORT_COPIES))
endif
ALL_CFLAGS := -std=gnu11 $(CFLAGS) -fno-strict-aliasing -fwrapv -fvisibility=hidden $(OPENMP) $(WARNINGS) \
              $(SHORT_COPIES) \
              $(SANITIZE_FLAGS) -Isrc $(filter-out missing,$(PKG_CFLAGS)) -DSADDLE_VERSION='"$(VERSION)"' $(HAVE_FLAGS)
LINK := $(CC) $(CFLAGS) $(OPENMP) $(SANITIZE_FLAGS) -Wl,--as-needed $(LDFLAGS)
COMPILE = $(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(EXTRA) -MMD -MP -c $< -o $@

# ---- Rooms: what each may include and link with; tests/check/layers reads these lines ----------------
ROOMS := base tensor autograd nn optim python kernel protocol notebook plot tui
USES_base :=
USES_tensor := base
USES_autograd := tensor base
USES_nn := autograd tensor base
USES_optim := autograd tensor base
USES_python := nn optim autograd tensor base plot
USES_kernel := python nn optim autograd tensor base plot protocol
USES_protocol := base
USES_notebook := base
USES_plot := base
USES_tui := protocol notebook plot base
LIBS_base :=
LIBS_tensor := $(ENGINE_LIBS)
LIBS_autograd := $(ENGINE_LIBS)
LIBS_nn := $(ENGINE_LIBS)
LIBS_optim := $(ENGINE_LIBS)
LIBS_python := $(ENGINE_LIBS) $(PYTHON_LIBS) $(FRONT_LIBS)
LIBS_kernel := $(LIBS_python)
LIBS_protocol := $(FRONT_LIBS)
LIBS_notebook := $(FRONT_LIBS)
LIBS_plot := $(FRONT_LIBS)
LIBS_tui := $(FRONT_LIBS)

KERNEL_SOURCES := $(wildcard src/*/kernels_*.c)
sources = $(filter-out $(KERNEL_SOURCES),$(wildcard src/$(1)/*.c))
room_objects = $(patsubst %.c,$(O)/%.o,$(call sources,$(1))) $(filter $(O)/src/$(1)/%,$(KERNEL_OBJECTS))
KERNEL_OBJECTS := $(foreach isa,$(ISAS),$(patsubst %.c,$(O)/%.$(isa).o,$(KERNEL_SOURCES)))
OBJECTS := $(foreach room,$(ROOMS),$(call room_objects,$(room)))
MAIN := $(patsubst %.c,$(O)/%.o,$(wildcard src/main.c))
HEADERS := $(wildcard src/*/*.h)

# ---- The product -------------------------------------------------------------------------------------
.PHONY: all help config demo test bench install uninstall clean deps format lint
all: config $(if $(MAIN),$(O)/saddle,$(OBJECTS))
# Only the builds that people use take the place in the root; a private BUILD= does not.
ifeq ($(BUILD)$(SANITIZE)$(CC_NAME),build)
all: $(if $(MAIN),saddle)
saddle: $(O)/saddle FORCE
	@cmp -s $< $@ || { cp $< $@.new && mv $@.new $@; }
endif

$(O)/saddle: $(MAIN) $(OBJECTS) $(O)/flags
	$(Q)echo "  link    $@"
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(ENGINE_LIBS) $(FRONT_LIBS) $(PYTHON_LIBS) -ldl -lpthread -lm

# A stamp changes only when its content does, so that changed flags, and nothing else, rebuild.
stamp = @mkdir -p $(@D); echo '$(subst ','\'',$(1))' | cmp -s - $@ || echo '$(subst ','\'',$(1))' > $@
$(O)/flags: FORCE
	$(call stamp,$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(ISA_FLAGS))
$(O)/prefix: FORCE
	$(call stamp,$(PREFIX))
FORCE:

Q := $(if $(V),,@)
$(O)/src/base/paths.o: EXTRA = -DSADDLE_DATADIR='"$(PREFIX)/share/saddle"'
$(O)/src/base/paths.o: $(O)/prefix

$(O)/%.o: %.c $(O)/flags | libraries
	$(Q)echo "  cc      $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE)

# Plain loops over elements, one set for all processors: vector code as well.
LOOPS := copy copy_ops extremes gather index mask pick sorted
$(LOOPS:%=$(O)/src/tensor/%.o): EXTRA = $(if $(SANITIZE),,-O3)

define isa_rule
$(O)/%.$(1).o: EXTRA = -DKERNEL_ISA=$(1) $(ISA_FLAGS) $(ISA_$(1))
$(O)/%.$(1).o: %.c $(O)/flags | libraries
	$$(Q)echo "  cc      $$< ($(1))"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE)
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rule,$(isa))))

-include $(patsubst %.o,%.d,$(MAIN) $(OBJECTS) $(wildcard $(O)/tests/unit/*.o))

.PHONY: libraries
libraries:
ifeq ($(PKG_CFLAGS),missing)
	@tools/deps report; echo "Libraries are missing; this installs them: make deps"; exit 1
endif

config:
	@tools/deps summary "$(CC)" "$(O)" "$(if $(OPENMP),yes,no)" "$(ISAS)"

deps:
	@tools/deps install build

# ---- Tests -------------------------------------------------------------------------------------------
# A room's tests are linked with the objects of the rooms that it may use and no others: what reaches
# across a layer does not link.
UNIT_ROOMS := $(foreach room,$(ROOMS),$(if $(wildcard tests/unit/$(room)_*.c),$(room)))
define unit_rule
$(O)/unit/$(1): $(patsubst %.c,$(O)/%.o,$(wildcard tests/unit/$(1)_*.c)) \
                $(foreach room,$(1) $(USES_$(1)),$(call room_objects,$(room)))
	$$(Q)echo "  link    $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK) -o $$@ $$^ $$(LIBS_$(1)) -lcriterion -ldl -lpthread -lm
endef
$(foreach room,$(UNIT_ROOMS),$(eval $(call unit_rule,$(room))))

UNIT_SANITIZE := address,undefined
SANITIZED := $(MAKE) --no-print-directory SANITIZE=$(if $(SANITIZE),$(SANITIZE),$(UNIT_SANITIZE))
.PHONY: units check-headers
units: $(UNIT_ROOMS:%=$(O)/unit/%)
# make unit/tensor: builds and runs one room's tests under the sanitizers; ARGS go to Criterion.
.PHONY: $(ROOMS:%=unit/%)
$(ROOMS:%=unit/%):
	@$(SANITIZED) run-$@
run-unit/%: $(O)/unit/%
	@tests/unit/run $< $(ARGS)

# Each header compiles alone.
check-headers: $(HEADERS:%.h=$(O)/headers/%.ok)
$(O)/headers/%.ok: %.h $(O)/flags | libraries
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-unused-macros -DKERNEL_ISA=baseline -include $< -MMD -MP -MT $@ \
	    -MF $(@:.ok=.d) -x c -fsyntax-only /dev/null
	$(Q)touch $@
-include $(HEADERS:%.h=$(O)/headers/%.d)

test:
	@tools/deps install build test
	@MAKE="$(MAKE)" JOBS="$(JOBS)" BUILD="$(BUILD)" tests/run

lint:
	@tests/check/run

format:
	clang-format -i $(wildcard src/*.c src/*/*.[ch] tests/unit/*.[ch])

# ---- Use ---------------------------------------------------------------------------------------------
# With a terminal: the tour in Saddle. Without one: the same lesson printed, its pictures as PNG files.
demo:
	@tools/deps install build
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@if [ -t 0 ] && [ -t 1 ]; then exec ./saddle lessons/01-tour.md; \
	else exec ./saddle run lessons/01-tour.md </dev/null; fi

bench: all
	@bench/run

DATA := $(DESTDIR)$(PREFIX)/share/saddle
install: all
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DATA)/lessons" "$(DATA)/assets"
	install -m 755 $(O)/saddle "$(DESTDIR)$(PREFIX)/bin/saddle"
	cp -R lessons/. "$(DATA)/lessons/"
	cp -R assets/. "$(DATA)/assets/"

uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/saddle"
	rm -rf "$(DATA)"

clean:
	rm -rf "$(BUILD)" saddle

help:
	@sed -n 's/^#:/ /p' Makefile
#: all        build ./saddle (the default)      DEVELOPER=1  all warnings, as errors
#: demo       build and open the tour           SANITIZE=address,undefined
#: test       everything that is tested         CC=clang     another compiler
#: unit/ROOM  one room's unit tests             V=1          show the commands
#: bench      the speed beside PyTorch          PREFIX=DIR   where install puts it (/usr/local)
#: install, uninstall, clean
#: deps       install the libraries             lint, format check and lay out the sources
