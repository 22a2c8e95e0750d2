balance_headers = \
	libsim/balance/balancer.h \
	libsim/balance/key.h \
	libsim/balance/maglev.h

libvethsim_la_SOURCES += \
	libsim/balance/balancer.c \
	libsim/balance/generic.c \
	libsim/balance/key.c \
	libsim/balance/kinds.h \
	libsim/balance/maglev.c \
	libsim/balance/params.c \
	libsim/balance/params.h \
	libsim/balance/weights.h
