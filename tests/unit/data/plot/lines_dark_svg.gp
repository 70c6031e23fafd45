set terminal svg size 1280,960 noenhanced font 'sans-serif,27.3' background rgb '#16191f'
set encoding utf8
$data0 << EOD
0 2.3
1 1.2
2 0.8
EOD
$data1 << EOD
0 2.3
1 0.5
2 0.1
EOD
set xrange [0:2]
set yrange [-0.01:2.41]
set title 'Training loss' noenhanced textcolor rgb '#e3e7ec'
set xlabel 'epoch' noenhanced textcolor rgb '#e3e7ec'
set ylabel 'loss' noenhanced textcolor rgb '#e3e7ec'
set border 3 front lw 1 lc rgb '#8b95a1'
set xtics nomirror out scale 0.6 ('0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5, '2.0' 2) textcolor rgb '#e3e7ec'
set ytics nomirror out scale 0.6 ('0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5, '2.0' 2) textcolor rgb '#e3e7ec'
set grid xtics ytics back lt 1 lw 0.6 lc rgb '#343b45'
unset colorbox
set key inside right top vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 opaque fillcolor rgb '#16191f' textcolor rgb '#e3e7ec'
plot $data0 using 1:2 with lines lw 3.64 lc rgb '#56b4e9' title 'SGD', \
    $data1 using 1:2 with lines lw 3.64 lc rgb '#ff8c42' dt 2 title 'Adam'
