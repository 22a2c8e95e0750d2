libvethsim_la_SOURCES += \
	models/ingress/ingress.c \
	models/ingress/ingress.h \
	models/ingress/rule.c \
	models/ingress/rule.h \
	models/ingress/rules.c \
	models/ingress/upstream.c
