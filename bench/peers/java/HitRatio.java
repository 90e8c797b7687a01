import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The hit ratios of Caffeine for a stream. Arguments are a file of keys, each a little-endian 32-bit
 * number, and the sizes of the caches. Prints a ratio on a line for each size.
 */
public final class HitRatio {
	private HitRatio() {
	}

	/** A key that is not there is put. */
	private static double replay(IntBuffer keys, long entries) {
		Cache<Integer, Boolean> cache =
				Caffeine.newBuilder().executor(Runnable::run).maximumSize(entries).build();
		int hits = 0;
		for (int i = 0; i < keys.limit(); i++) {
			if (cache.getIfPresent(keys.get(i)) != null) {
				hits++;
			} else {
				cache.put(keys.get(i), Boolean.TRUE);
			}
		}
		return (double) hits / keys.limit();
	}

	/** A trace, and sizes. */
	public static void main(String[] arguments) throws IOException {
		byte[] bytes = Files.readAllBytes(Path.of(arguments[0]));
		IntBuffer keys = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
		for (int i = 1; i < arguments.length; i++) {
			System.out.println(replay(keys, Long.parseLong(arguments[i])));
		}
	}
}
