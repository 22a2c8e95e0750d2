balance_headers = \
	libsim/balance/balancer.h

libvethsim_la_SOURCES += \
	libsim/balance/balancer.c \
	libsim/balance/kinds.h \
	libsim/balance/maglev.c \
	libsim/balance/simple.c
