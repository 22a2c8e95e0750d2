# models: the kinds of things a scenario can hold, a folder each, listed in models.def.
# They are part of the library.

libvethsim_la_SOURCES += models/registry.c models/models.def

include models/client/local.mk
include models/dns/local.mk
include models/lb/local.mk
include models/ingress/local.mk
include models/kubeproxy/local.mk
include models/cni/local.mk
include models/node/local.mk
include models/pod/local.mk
include models/container/local.mk
include models/sidecar/local.mk
include models/link/local.mk
include models/costs/local.mk
include models/switch/local.mk
include models/router/local.mk
include models/rss/local.mk
