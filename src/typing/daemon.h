/* daemon.h: waggle-typist as a whole: what hangs between the service frame and the keyboard. */
#pragma once

int typ_daemon_main(int argc, char **argv);
