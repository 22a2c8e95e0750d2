libvethsim_la_SOURCES += models/link/link.c
