/* daemon.h: waggle-messaged as a whole: what hangs between the service frame and the engine. */
#pragma once

int msg_daemon_main(int argc, char **argv);
