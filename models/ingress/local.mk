libvethsim_la_SOURCES += \
	models/ingress/channel.c \
	models/ingress/channel.h \
	models/ingress/connection.c \
	models/ingress/connection.h \
	models/ingress/endpoints.c \
	models/ingress/endpoints.h \
	models/ingress/ingress.c \
	models/ingress/ingress.h \
	models/ingress/life.c \
	models/ingress/policy.c \
	models/ingress/profiles.c \
	models/ingress/rule.c \
	models/ingress/rule.h \
	models/ingress/rules.c \
	models/ingress/tunnel.c \
	models/ingress/tunnel.h \
	models/ingress/upstream.c
