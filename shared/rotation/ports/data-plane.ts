/** One cheap read that needs decryption. `hostName` comes from the ARM resource; `id` is the sentinel of the configuration. */
export interface DataPlane {
  /** IoT Hub: `GET /twins/{id}`. */
  readTwin(hostName: string, id: string): Promise<DataPlaneAnswer>;
  /** DPS: `GET /enrollments/{id}`. */
  readEnrollment(hostName: string, id: string): Promise<DataPlaneAnswer>;
}

/** `opened`: decrypted data came back. `unreadable`: the service answered that it cannot open it. `unknown`: 429, time-out, sign-in. */
export interface DataPlaneAnswer {
  readonly answer: 'opened' | 'unreadable' | 'not-found' | 'unknown';
  readonly message: string;
}
