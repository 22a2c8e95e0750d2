libvethsim_la_SOURCES += \
	models/kubeproxy/proxy.c \
	models/kubeproxy/proxy.h \
	models/kubeproxy/service.c
