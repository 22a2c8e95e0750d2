balance_headers = \
	libsim/balance/balancer.h \
	libsim/balance/disruption.h \
	libsim/balance/key.h \
	libsim/balance/key_lines.h \
	libsim/balance/maglev.h \
	libsim/balance/manual.h \
	libsim/balance/select.h

libvethsim_la_SOURCES += \
	libsim/balance/balancer.c \
	libsim/balance/cloud.c \
	libsim/balance/edf.c \
	libsim/balance/edf.h \
	libsim/balance/envoy.c \
	libsim/balance/envoy_hash.c \
	libsim/balance/disruption.c \
	libsim/balance/generic.c \
	libsim/balance/hash_ring.c \
	libsim/balance/hash_ring.h \
	libsim/balance/ingress_nginx.c \
	libsim/balance/ketama.c \
	libsim/balance/ketama.h \
	libsim/balance/key.c \
	libsim/balance/key_lines.c \
	libsim/balance/kinds.h \
	libsim/balance/kong.c \
	libsim/balance/kong_load.c \
	libsim/balance/ipvs.c \
	libsim/balance/ipvs.h \
	libsim/balance/ipvs_hash.c \
	libsim/balance/ipvs_least.c \
	libsim/balance/ipvs_list.c \
	libsim/balance/ipvs_local.c \
	libsim/balance/ipvs_mh.c \
	libsim/balance/ipvs_turn.c \
	libsim/balance/key.c \
	libsim/balance/kinds.h \
	libsim/balance/kube_proxy.c \
	libsim/balance/maglev.c \
	libsim/balance/maglev_fill.c \
	libsim/balance/maglev_programs.c \
	libsim/balance/params.c \
	libsim/balance/params.h \
	libsim/balance/rendezvous.c \
	libsim/balance/nginx.c \
	libsim/balance/nginx.h \
	libsim/balance/nginx_hash.c \
	libsim/balance/nginx_peer.c \
	libsim/balance/params.c \
	libsim/balance/params.h \
	libsim/balance/reload.h \
	libsim/balance/traefik.c \
	libsim/balance/manual.c \
	libsim/balance/params.c \
	libsim/balance/params.h \
	libsim/balance/select.c \
	libsim/balance/weights.h
