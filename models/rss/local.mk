libvethsim_la_SOURCES += models/rss/rss.c
