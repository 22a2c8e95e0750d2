libvethsim_la_SOURCES += models/container/container.c
