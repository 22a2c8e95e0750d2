libvethsim_la_SOURCES += models/pod/pod.c
