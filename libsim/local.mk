# libsim: the library, floor by floor.  A folder's local.mk adds its sources to
# libvethsim_la_SOURCES and names its public headers in <folder>_headers; they are
# installed under $(includedir)/vethsim with their folders.

lib_LTLIBRARIES += libvethsim.la

libvethsim_la_SOURCES =
libvethsim_la_LIBADD = $(DEPS_LIBS)

# version-info is current:revision:age, see the manual of libtool, "Updating version info".
libvethsim_la_LDFLAGS = $(VS_LDFLAGS) -no-undefined -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/libsim/libvethsim.map
EXTRA_libvethsim_la_DEPENDENCIES = libsim/libvethsim.map
EXTRA_DIST += libsim/libvethsim.map

include libsim/base/local.mk
include libsim/engine/local.mk
include libsim/packet/local.mk
include libsim/balance/local.mk
include libsim/net/local.mk
include libsim/netfilter/local.mk
include libsim/transport/local.mk
include libsim/cluster/local.mk
include libsim/model/local.mk
include libsim/scenario/local.mk
include libsim/results/local.mk

top_headers = libsim/vethsim.h libsim/vethsim-model.h

topincludedir = $(includedir)/vethsim
baseincludedir = $(topincludedir)/base
engineincludedir = $(topincludedir)/engine
packetincludedir = $(topincludedir)/packet
balanceincludedir = $(topincludedir)/balance
netincludedir = $(topincludedir)/net
netfilterincludedir = $(topincludedir)/netfilter
transportincludedir = $(topincludedir)/transport
clusterincludedir = $(topincludedir)/cluster
modelincludedir = $(topincludedir)/model
scenarioincludedir = $(topincludedir)/scenario
resultsincludedir = $(topincludedir)/results

topinclude_HEADERS = $(top_headers)
baseinclude_HEADERS = $(base_headers)
engineinclude_HEADERS = $(engine_headers)
packetinclude_HEADERS = $(packet_headers)
balanceinclude_HEADERS = $(balance_headers)
netinclude_HEADERS = $(net_headers)
netfilterinclude_HEADERS = $(netfilter_headers)
transportinclude_HEADERS = $(transport_headers)
clusterinclude_HEADERS = $(cluster_headers)
modelinclude_HEADERS = $(model_headers)
scenarioinclude_HEADERS = $(scenario_headers)
resultsinclude_HEADERS = $(results_headers)

public_headers = $(top_headers) $(base_headers) $(engine_headers) $(packet_headers) \
	$(balance_headers) $(net_headers) $(netfilter_headers) $(transport_headers) \
	$(cluster_headers) $(model_headers) $(scenario_headers) $(results_headers)
