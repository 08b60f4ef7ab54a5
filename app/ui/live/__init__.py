"""Live mode: a camera, a video or a stream in Explore, with the engine following at its own pace."""
