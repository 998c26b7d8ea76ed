/** A package of Debian 13 (trixie), whose libraries Node is linked with. */
export interface Pin {
  readonly version: string;
  /** SHA-256 of the package, by Debian's name of the architecture. */
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * The packages of which Berth's image has files. To renew them, take version and SHA256 from `apt-cache show` on trixie.
 */
export const PACKAGES: Readonly<Record<string, Pin>> = {
  libc6: {
    version: "2.41-12+deb13u4",
    sha256: {
      amd64: "967aa62605721081c3eb2a17650611a792aa802d76a6511d1840242623d204c9",
      arm64: "8784eda966b189c777a384dac5ce009e8fc9b52d006926c5a013e7fa8aa688cc",
    },
  },
  // The licence of the two below.
  "gcc-14-base": {
    version: "14.2.0-19",
    sha256: {
      amd64: "5b6825de4263824b78c4c51f6476414f3b4e89c2ab63e81dc8b9b5501e867cf6",
      arm64: "34ee90679b018c0e64234747a4c4c0ae6b7f63541115037465a8627c2dfbc594",
    },
  },
  "libgcc-s1": {
    version: "14.2.0-19",
    sha256: {
      amd64: "3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150",
      arm64: "1108bc87879833d6d9a145f22a4a15cddb34e065b4b5f4b97bee586adbac2851",
    },
  },
  "libstdc++6": {
    version: "14.2.0-19",
    sha256: {
      amd64: "ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0",
      arm64: "6669b0c52a2e7c6af9adfdabce3ff6e286065cdfbc7b85280862b5f799daebee",
    },
  },
};

/** Where apt looks: what Debian serves now, and what it has ever served, where a pinned version is gone from there. */
export const SOURCES = [
  "deb [trusted=yes] http://deb.debian.org/debian trixie main",
  "deb [trusted=yes check-valid-until=no] http://snapshot.debian.org/archive/debian/20261115T000000Z trixie main",
] as const;

/** How an architecture is called by Debian, its libraries' folder, and its loader's place, where Node expects it. */
export const PLATFORMS: Readonly<Record<string, { debian: string; folder: string; loader: string }>> = {
  x64: { debian: "amd64", folder: "usr/lib/x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  arm64: { debian: "arm64", folder: "usr/lib/aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
};

/** What Node is linked with, and what resolves names. */
export const LIBRARIES = [
  ...["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libresolv.so.2"],
  ...["libgcc_s.so.1", "libstdc++.so.6"],
] as const;
