/* Containers: servers of HTTP or UDP in a pod.
 *
 * container.c  configuration, statistics, requests in and answers out
 * work.c       what a request takes: CPU time, waiting
 *
 * A container whose requests take but a time of a worker each is a plain station, whose
 * services are single events; any other has work.c follow each request. */
#pragma once

#include "vethsim-model.h"

typedef enum ContainerScheduling {
    CONTAINER_THREADS,
    CONTAINER_EVENT_LOOP,
    CONTAINER_SHARING,
} ContainerScheduling;

typedef struct ContainerConfig {
    VsChoice protocol;
    uint32_t port;
    VsChoice scheduling; /* ContainerScheduling. */
    VsDist service_time;
    VsDist wait_time;
    uint32_t workers;
    uint32_t queue;
    uint32_t backlog;
    VsChoice accept; /* ContainerAccept, of container.c. */
    uint64_t response_bytes;
    const char *cpu_limit;
    VsTime cpu_period;
    VsTime cpu_period_start;
    VsTime pause;
    VsTime pause_every;
} ContainerConfig;

typedef struct Container {
    const ContainerConfig *config;
    VsHttpServer http; /* Opened: this one... */
    VsUdpServer udp;   /* ...or that. */
    bool is_udp;
    uint64_t n_requests;
    VsStation station;
    VsTime busy; /* Of workers; of cores that are shared. */
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage service_stage;

    /* work.c */
    VsCpu cpu;
    VsPool works;
    VsRng wait_rng;
    VsTimer pause;
    VsStage throttled_stage;
    VsStage wait_stage;
} Container;

/* container.c */

/* The journey of a request in the station, or NULL. */
VsJourney *container_journey(const Container *container, const VsJob *job);

/* Answers it with 'status', of which UDP tells nothing; it is gone. */
void container_answer(Container *container, VsJob *job, unsigned status);

/* work.c */

/* True if requests take more than a time of a worker. */
bool container_has_parts(const VsElement *element);

/* Checks the settings of CPU and pauses. */
bool container_check_work(const VsElement *element, GError **error);

void container_work_open(Container *container, const VsElement *element, VsBuild *build,
                         const char *name, const char *place);
void container_work_close(Container *container);
