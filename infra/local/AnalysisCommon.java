import java.io.Reader;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicNormalizationFilter;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.core.DecimalDigitFilter;
import org.apache.lucene.analysis.core.FlattenGraphFilter;
import org.apache.lucene.analysis.de.GermanLightStemFilter;
import org.apache.lucene.analysis.de.GermanNormalizationFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterIterator;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.apache.lucene.analysis.ru.RussianLightStemFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * What our mappings use of Elasticsearch's module `analysis-common`, which is in every distribution and not on Maven. Its
 * filters are Lucene's; this offers them under the module's names, with the module's settings and defaults.
 */
public final class AnalysisCommon extends Plugin implements AnalysisPlugin {
    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.ofEntries(
            filter("arabic_normalization", settings -> ArabicNormalizationFilter::new),
            filter("asciifolding", settings -> ASCIIFoldingFilter::new),
            filter("cjk_bigram", settings -> CJKBigramFilter::new),
            filter("cjk_width", settings -> CJKWidthFilter::new),
            filter("decimal_digit", settings -> DecimalDigitFilter::new),
            filter("flatten_graph", settings -> FlattenGraphFilter::new),
            filter("german_normalization", settings -> GermanNormalizationFilter::new),
            filter("length", AnalysisCommon::length),
            filter("reverse", settings -> ReverseStringFilter::new),
            filter("stemmer", AnalysisCommon::stemmer),
            filter("word_delimiter_graph", AnalysisCommon::wordDelimiterGraph));
    }

    @Override
    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
        return Map.of(
            "mapping", AnalysisPlugin.requiresAnalysisSettings(AnalysisCommon::mapping),
            "pattern_replace", AnalysisPlugin.requiresAnalysisSettings(AnalysisCommon::patternReplace));
    }

    private record Filter(String name, UnaryOperator<TokenStream> over) implements TokenFilterFactory {
        @Override
        public TokenStream create(TokenStream input) {
            return over.apply(input);
        }
    }

    private static Map.Entry<String, AnalysisProvider<TokenFilterFactory>> filter(
            String type, Function<Settings, UnaryOperator<TokenStream>> make) {
        return Map.entry(type, (index, environment, name, settings) -> new Filter(name, make.apply(settings)));
    }

    private static UnaryOperator<TokenStream> length(Settings settings) {
        int min = settings.getAsInt("min", 0);
        int max = settings.getAsInt("max", Integer.MAX_VALUE);
        return input -> new LengthFilter(input, min, max);
    }

    private static UnaryOperator<TokenStream> stemmer(Settings settings) {
        String language = settings.get("language", "english");
        return switch (language) {
            case "arabic" -> ArabicStemFilter::new;
            case "english" -> PorterStemFilter::new;
            case "light_german" -> GermanLightStemFilter::new;
            case "light_russian" -> RussianLightStemFilter::new;
            default -> throw new IllegalArgumentException("The embedded server has no stemmer for " + language);
        };
    }

    private static UnaryOperator<TokenStream> wordDelimiterGraph(Settings settings) {
        int flags = flag(settings, "generate_word_parts", true, WordDelimiterGraphFilter.GENERATE_WORD_PARTS)
            | flag(settings, "generate_number_parts", true, WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS)
            | flag(settings, "catenate_words", false, WordDelimiterGraphFilter.CATENATE_WORDS)
            | flag(settings, "catenate_numbers", false, WordDelimiterGraphFilter.CATENATE_NUMBERS)
            | flag(settings, "catenate_all", false, WordDelimiterGraphFilter.CATENATE_ALL)
            | flag(settings, "preserve_original", false, WordDelimiterGraphFilter.PRESERVE_ORIGINAL)
            | flag(settings, "split_on_case_change", true, WordDelimiterGraphFilter.SPLIT_ON_CASE_CHANGE)
            | flag(settings, "split_on_numerics", true, WordDelimiterGraphFilter.SPLIT_ON_NUMERICS)
            | flag(settings, "stem_english_possessive", true, WordDelimiterGraphFilter.STEM_ENGLISH_POSSESSIVE);
        return input -> new WordDelimiterGraphFilter(
            input, true, WordDelimiterIterator.DEFAULT_WORD_DELIM_TABLE, flags, CharArraySet.EMPTY_SET);
    }

    private static int flag(Settings settings, String name, boolean byDefault, int flag) {
        return settings.getAsBoolean(name, byDefault) ? flag : 0;
    }

    private static CharFilterFactory mapping(Object index, Object environment, String name, Settings settings) {
        NormalizeCharMap.Builder builder = new NormalizeCharMap.Builder();
        for (String rule : settings.getAsList("mappings")) {
            String[] sides = rule.split("=>", -1);
            if (sides.length != 2) throw new IllegalArgumentException("Invalid mapping rule: " + rule);
            builder.add(sides[0].trim(), sides[1].trim());
        }
        NormalizeCharMap map = builder.build();
        return charFilter(name, reader -> new MappingCharFilter(map, reader));
    }

    private static CharFilterFactory patternReplace(Object index, Object environment, String name, Settings settings) {
        Pattern pattern = Pattern.compile(settings.get("pattern"));
        String replacement = settings.get("replacement", "");
        return charFilter(name, reader -> new PatternReplaceCharFilter(pattern, replacement, reader));
    }

    private static CharFilterFactory charFilter(String filterName, UnaryOperator<Reader> over) {
        return new CharFilterFactory() {
            @Override
            public String name() {
                return filterName;
            }

            @Override
            public Reader create(Reader reader) {
                return over.apply(reader);
            }
        };
    }
}
