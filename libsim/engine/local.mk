engine_headers = \
	libsim/engine/calendar.h \
	libsim/engine/cpu.h \
	libsim/engine/digest.h \
	libsim/engine/entity.h \
	libsim/engine/pending.h \
	libsim/engine/run.h \
	libsim/engine/station.h \
	libsim/engine/stats.h \
	libsim/engine/time.h \
	libsim/engine/timer.h

libvethsim_la_SOURCES += \
	libsim/engine/calendar.c \
	libsim/engine/calendar_bag.h \
	libsim/engine/cpu.c \
	libsim/engine/pending.c \
	libsim/engine/run.c \
	libsim/engine/station.c \
	libsim/engine/stats.c
