// The version this program was built as; the build system passes it in.
#pragma once

#ifndef SERVO_VERSION
#define SERVO_VERSION "0.1.0"
#endif
