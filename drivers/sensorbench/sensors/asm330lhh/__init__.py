"""ASM330LHH, the automotive accelerometer and gyroscope of the LSM6DSO's family."""
