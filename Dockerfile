# An image with everything that `make setup` installs, and the Debian packages of some tests. It has not been built yet:
# this recipe was written where there is no Docker.
#   docker build --tag camagain .
#   docker run --rm --volume "$PWD/results:/camagain/results" --volume "$PWD/data:/camagain/data" camagain
FROM python:3.11-slim-bookworm
WORKDIR /camagain
COPY debian-packages.txt .
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make $(cat debian-packages.txt) \
    && rm --recursive --force /var/lib/apt/lists/*
COPY . .
RUN make setup
ENV PATH=/camagain/.venv/bin:$PATH
CMD ["make", "results"]
