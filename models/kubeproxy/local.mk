libvethsim_la_SOURCES += \
	models/kubeproxy/compile.c \
	models/kubeproxy/compile.h \
	models/kubeproxy/endpoints.c \
	models/kubeproxy/endpoints.h \
	models/kubeproxy/iptables.c \
	models/kubeproxy/ipvs.c \
	models/kubeproxy/ipvs.h \
	models/kubeproxy/ipvs_rules.c \
	models/kubeproxy/kubelet.c \
	models/kubeproxy/names.c \
	models/kubeproxy/names.h \
	models/kubeproxy/nftables.c \
	models/kubeproxy/nftables.h \
	models/kubeproxy/nftables_service.c \
	models/kubeproxy/port.c \
	models/kubeproxy/proxy.c \
	models/kubeproxy/proxy.h \
	models/kubeproxy/service.c \
	models/kubeproxy/service.h \
	models/kubeproxy/sync.c \
	models/kubeproxy/sync.def \
	models/kubeproxy/sync.h \
	models/kubeproxy/targets.c \
	models/kubeproxy/targets.h
