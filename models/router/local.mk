libvethsim_la_SOURCES += models/router/router.c
