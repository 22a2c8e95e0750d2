/* A client, a front end 'web' with a call of service 'api', and its two pods 'a' and 'b', all
 * on one node, with sidecars where they are said; costs are free, wires take a microsecond. */
#pragma once

#include "models/fixture.h"

/* %s is for model_free_costs or other costs named 'free'. */
#define MESH(client, front, front_sidecar, a_sidecar, b_sidecar, leaf)              \
    "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' keep-alive='yes' " \
    "timeout='100s' " client "/>"                                                   \
    "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"                         \
    "<node id='n1' costs='free' cores='8'>"                                         \
    "<pod id='w' labels='app=web'><container id='web' workers='100' " front         \
    "</container>" front_sidecar "</pod>"                                           \
    "<pod id='a' labels='app=api'><container id='a-api' " leaf "/>" a_sidecar       \
    "</pod><pod id='b' labels='app=api'><container id='b-api' " leaf "/>" b_sidecar \
    "</pod></node>"                                                                 \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080' "         \
    "select='app=web'/>"                                                            \
    "<service id='api' port='80' target-port='8080' select='app=api'/>"
#define CALL "service-time='1ms'><call service='api'/>"
#define LEAF "service-time='1ms'"
#define SIDECAR(id, settings) "<sidecar id='" id "' processing='0s' " settings "/>"
#define ONE "arrivals='constant(1/s)' stop='1us' "
