# tools: the command, built as ./vethsim at the top of the build folder.

bin_PROGRAMS += vethsim

vethsim_SOURCES =
vethsim_LDADD = libvethsim.la $(DEPS_LIBS)

# Plug-ins find the library's functions in the program itself.
vethsim_LDFLAGS = $(AM_LDFLAGS) -export-dynamic

include tools/vethsim/local.mk

# Draws the figures of scenarios; see scenarios/local.mk.
EXTRA_DIST += tools/figures.py tools/figures.gp
